"""`[prompts]`: a folder whose paths fit an answer, hosts, a command, languages and phrases."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Prompts, Settings
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import MAX_VALUE_CHARS, printable

MAX_DIR_CHARS = 100
"""A path stands in an answer, which is one line of AGI."""
MAX_HOSTS = 16
MAX_ARGUMENTS = 30
MAX_PHRASES = 500
PLACEHOLDERS = ("voice", "language")
_DIR = re.compile(r"/[A-Za-z0-9_./-]*")
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,3}")
_VOICE = re.compile(r"[A-Za-z0-9_+.:/-]{1,64}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def prompts_faults(settings: Settings, base: Path) -> Faults:
    """Yield what is wrong with the keys on prompts.

    Args:
        base: what paths are relative to.
    """
    prompts = settings.prompts
    if prompts.dir:
        yield from _dir_faults(str((base / prompts.dir).absolute()))
        if not (prompts.hosts or settings.crm.url or settings.crm.routes_url or prompts.spoken):
            yield Fault("prompts.hosts", "is empty, and there is no CRM: nothing could be fetched", "name the hosts")
    if len(prompts.hosts) > MAX_HOSTS:
        yield Fault("prompts.hosts", f"has {len(prompts.hosts)} entries", f"use at most {MAX_HOSTS}")
    for place, host in enumerate(prompts.hosts, 1):
        if not _HOST.fullmatch(host):
            yield Fault(f"prompts.hosts[{place}]", f'is "{printable(host)}", which is no host', "write crm.example")
    yield from _program_faults(prompts)
    yield from _variable_faults(settings)
    yield from _language_faults(prompts)


def _dir_faults(path: str) -> Faults:
    if not _DIR.fullmatch(path):
        remedy = "use letters of English, digits, _, - and . alone, as its paths go into a dialplan"
        yield Fault("prompts.dir", f'is "{printable(path, 200)}"', remedy)
    elif len(path) > MAX_DIR_CHARS:
        yield Fault("prompts.dir", f"has a path of {len(path)} characters", f"use at most {MAX_DIR_CHARS}")


def _program_faults(prompts: Prompts) -> Faults:
    if not prompts.converter or printable(prompts.converter, len(prompts.converter)) != prompts.converter:
        yield Fault("prompts.converter", "names no program", 'write "sox", or its path')
    if not 0 < len(prompts.command) <= MAX_ARGUMENTS or not prompts.command[0]:
        yield Fault("prompts.command", "names no program", f"write a program and at most {MAX_ARGUMENTS} arguments")
        return
    for place, text in enumerate(prompts.command, 1):
        yield from _argument_faults(f"prompts.command[{place}]", text)


def _argument_faults(key: str, text: str) -> Faults:
    if printable(text, len(text)) != text:
        yield Fault(key, "holds a control character", "take it out")
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            what = f"holds {{{printable(name, 40)}}}, which nothing is put in for"
            yield Fault(
                key, what, "the text itself comes on stdin" if name == "text" else write_instead(name, PLACEHOLDERS)
            )


def _variable_faults(settings: Settings) -> Faults:
    prompts, known = settings.prompts, settings.answers.variables
    if not prompts.dir:
        return  # answers.variables may lack what nobody speaks
    named = [(f"prompts.spoken[{place}]", name) for place, name in enumerate(prompts.spoken, 1)]
    if prompts.language_variable:
        named.append(("prompts.language_variable", prompts.language_variable))
    for key, name in named:
        if name not in known:
            yield Fault(key, f'is "{printable(name)}", which answers.variables lacks', write_instead(name, known))


def _language_faults(prompts: Prompts) -> Faults:
    yield from _named(("prompts.language", (prompts.language,)))
    yield from _named(("prompts.voices", prompts.voices), ("prompts.warm", prompts.warm))
    for language, voice in prompts.voices.items():
        if not _VOICE.fullmatch(voice) or voice.startswith("-"):
            key = f"prompts.voices.{printable(language, 40)}"
            yield Fault(key, f'is "{printable(voice)}", which is no voice', "write its name, such as en-gb")
    yield from _phrase_faults(prompts)


def _named(*tables: tuple[str, Iterable[str]]) -> Faults:
    for key, languages in tables:
        for language in languages:
            if not _LANGUAGE.fullmatch(language):
                yield Fault(key, f'holds "{printable(language, 40)}", which is no language', "write one such as en")


def _phrase_faults(prompts: Prompts) -> Faults:
    if sum(map(len, prompts.warm.values())) > MAX_PHRASES:
        yield Fault("prompts.warm", f"holds more than {MAX_PHRASES} phrases", "take some out")
        return
    for language, phrases in prompts.warm.items():
        yield from _phrases(f"prompts.warm.{printable(language, 40)}", phrases)


def _phrases(key: str, phrases: Sequence[str]) -> Faults:
    for place, text in enumerate(phrases, 1):
        if not text.strip() or len(text) > MAX_VALUE_CHARS or printable(text, len(text)) != text:
            remedy = f"write 1 to {MAX_VALUE_CHARS} characters in one line"
            yield Fault(f"{key}[{place}]", "is no phrase", remedy)
