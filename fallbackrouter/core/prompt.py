"""What a caller may hear of a route: audio that a variable names by URL, and text that is to be spoken.

A prompt is known by its key: the same URL, or the same text in the same language and voice, is the same prompt. Pure:
what lies on disk is told from outside.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fallbackrouter.core.route import (
    MAX_ANSWER_COST,
    MAX_DEST_COST,
    Route,
    answer_cost,
    is_audio_url,
    leaves_room_for_next,
    line_cost,
)

AUDIO = "audio"
SPEECH = "speech"
READY, MISSING = "ok", "missing"
KEY_CHARS = 32


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something that can be heard.

    Attributes:
        kind: AUDIO or SPEECH.
        what: a URL, or the text.
        language: of the text, such as `ru`; "" of audio.
        voice: the voice that speaks it; "" of audio.
    """

    kind: str
    what: str
    language: str = ""
    voice: str = ""

    @property
    def key(self) -> str:
        """What it is known by: KEY_CHARS hexadecimal digits."""
        text = f"{self.kind}\0{self.language}\0{self.voice}\0{self.what}"
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:KEY_CHARS]


@dataclass(frozen=True, slots=True)
class Naming:
    """Which variables of a route are prompts.

    Attributes:
        spoken: variables whose text is spoken; those that begin with `audio` may name audio.
        language: of texts whose route tells none.
        language_variable: the variable that tells it, "" for none.
        voices: language -> voice; a language without one is its own voice.
    """

    spoken: frozenset[str]
    language: str
    language_variable: str = ""
    voices: Mapping[str, str] | None = None

    def prompts(self, variables: Mapping[str, str]) -> Iterator[tuple[str, Prompt]]:
        """Yield the variables that are prompts, each with its prompt."""
        for name, value in variables.items():
            if name in self.spoken:
                yield name, self.speech(value, variables.get(self.language_variable, ""))
            elif name.startswith(AUDIO) and is_audio_url(value):
                yield name, Prompt(AUDIO, value)

    def speech(self, text: str, language: str = "") -> Prompt:
        """Return the prompt of a text; a language that is not configured is spoken as the usual one."""
        voices = self.voices or {}
        known = language if language in voices else self.language
        return Prompt(SPEECH, text, known, voices.get(known, known))


@dataclass(frozen=True, slots=True)
class Placed:
    """A route's prompts, as an answer carries them.

    Attributes:
        values: variable -> the path that Asterisk plays, "" where there is none yet.
        status: READY, MISSING, or "" where the route has no prompts.
        used: keys of those that are there.
        wanted: those that are not.
    """

    values: Mapping[str, str]
    status: str = ""
    used: tuple[str, ...] = ()
    wanted: tuple[Prompt, ...] = ()


NOTHING = Placed({})


def place(route: Route, naming: Naming, paths: Mapping[str, str]) -> Placed:
    """Put paths in the place of a route's prompts.

    Args:
        paths: key -> path without extension, of what is there.

    Returns:
        Values that fit the answer's line as the route's own did; a path that does not is told as missing.
    """
    variables = dict(route.variables)
    found = list(naming.prompts(variables))
    if not found:
        return NOTHING
    room = MAX_ANSWER_COST - (MAX_DEST_COST if leaves_room_for_next(route) else 0)
    room -= answer_cost(route) - sum(line_cost(variables[name]) for name, _ in found)
    values: dict[str, str] = {}
    used: list[str] = []
    wanted: list[Prompt] = []
    for name, prompt in found:
        path = paths.get(prompt.key, "")
        fits = line_cost(path) <= room
        values[name] = path if fits else ""
        room -= line_cost(values[name])
        if path:
            used.append(prompt.key)
        else:
            wanted.append(prompt)
    return Placed(values, READY if all(values.values()) else MISSING, tuple(used), tuple(wanted))
