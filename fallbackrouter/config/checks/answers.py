"""`[answers]`, `[destinations]` and `[last_resort]`: what may reach a dialplan."""

import re
import warnings

from fallbackrouter.agi.answer import MAX_TEMPLATE_COST, names_room
from fallbackrouter.config.build import build_gate
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Answers, Settings
from fallbackrouter.core.names import is_function, is_variable
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import Refused, line_cost, printable

MAX_VARIABLES = 80
MAX_FUNCTIONS = 8
MAX_APPS = 200
MAX_REGEX_CHARS = 200
QUOTES = ("strip", "keep")
_APP = re.compile(r"[a-z0-9_]{1,32}")
_DESTINATION = re.compile(r"(?:[A-Za-z0-9_.-]|\{num\})+,(?:[A-Za-z0-9_*#+.-]|\{num\})+,[A-Za-z0-9_-]+")


def answers_faults(settings: Settings) -> Faults:
    """Yield what is wrong with the gate's keys and with destinations."""
    answers = settings.answers
    yield from regex_faults("answers.num", answers.num)
    yield from regex_faults("answers.external", answers.external)
    yield from _variable_faults(answers, names_room(prompts=bool(settings.prompts.dir)))
    yield from _function_faults(answers)
    yield from _app_faults(answers)
    if answers.quotes not in QUOTES:
        yield Fault("answers.quotes", f'is "{printable(answers.quotes)}"', write_instead(answers.quotes, QUOTES))
    yield from _destination_faults(settings)


def regex_faults(key: str, text: str) -> Faults:
    """Yield why a text is no regular expression."""
    if not 0 < len(text) <= MAX_REGEX_CHARS:
        yield Fault(key, f"has {len(text)} characters", f"write a regular expression of 1 to {MAX_REGEX_CHARS}")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except (re.error, Warning, RecursionError, OverflowError) as error:
        yield Fault(key, f"is no regular expression ({error})", 'correct it, such as "[0-9]{1,10}"')


def _variable_faults(answers: Answers, most_bytes: int) -> Faults:
    names = answers.variables
    if "app" not in names:
        yield Fault("answers.variables", "lacks app, without which no answer says where to", 'add "app"')
    if len(names) > MAX_VARIABLES or len(",".join(names).encode()) > most_bytes:
        remedy = f"use at most {MAX_VARIABLES} names of {most_bytes} characters together"
        yield Fault("answers.variables", "holds more than one AGI line takes", remedy)
        return
    for place, name in enumerate(names, 1):
        key = f"answers.variables[{place}]"
        if not is_variable(name):
            remedy = "begin with a letter, go on with letters, digits and _, and leave FR_ to the router"
            yield Fault(key, f'is "{printable(name)}", which no answer may set', remedy)
        elif name in names[: place - 1]:
            yield Fault(key, f'is "{name}" for the second time', "take one out")


def _function_faults(answers: Answers) -> Faults:
    if len(answers.functions) > MAX_FUNCTIONS:
        yield Fault("answers.functions", f"has {len(answers.functions)} entries", f"use at most {MAX_FUNCTIONS}")
        return
    for place, name in enumerate(answers.functions, 1):
        if not is_function(name):
            what = f'is "{printable(name)}", which is no dialplan function'
            yield Fault(f"answers.functions[{place}]", what, "write NAME(arguments) such as CALLERID(name)")


def _app_faults(answers: Answers) -> Faults:
    if not 0 < len(answers.apps) <= MAX_APPS:
        yield Fault("answers.apps", f"has {len(answers.apps)} apps", f"name 1 to {MAX_APPS}")
        return
    for app, needed in answers.apps.items():
        key = f"answers.apps.{printable(app, 40)}"
        if not _APP.fullmatch(app):
            yield Fault(key, "is no app's name", "use 1 to 32 of a-z, 0-9 and _")
        for name in needed:
            if name not in answers.variables:
                what = f'needs "{printable(name)}", which answers.variables lacks'
                yield Fault(key, what, write_instead(name, answers.variables))


def _destination_faults(settings: Settings) -> Faults:
    for app, text in settings.destinations.items():
        key = f"destinations.{printable(app, 40)}"
        if app not in settings.answers.apps:
            yield Fault(key, "is no app of answers.apps", write_instead(app, settings.answers.apps))
        if not is_destination(text):
            what = f'is "{printable(text)}", which is no destination'
            yield Fault(key, what, 'write "context,exten,priority" such as "ext-group,{num},1"')


def is_destination(text: str) -> bool:
    """Tell whether a text is `context,exten,priority`, with no placeholder but {num}."""
    return _DESTINATION.fullmatch(text) is not None and line_cost(text) <= MAX_TEMPLATE_COST


def last_resort_faults(settings: Settings) -> Faults:
    """Yield what the gate has against the route of last resort; nothing while the gate itself is at fault."""
    if any(answers_faults(settings)):
        return
    gate = build_gate(settings)
    known = sorted(gate.variables | gate.functions)
    unknown = [name for name in settings.last_resort if name not in known]
    for name in unknown:
        key = f"last_resort.{printable(name, 64)}"
        yield Fault(key, "is no variable of answers.variables", write_instead(name, known))
    verdict = gate.check(settings.last_resort)
    if isinstance(verdict, Refused):
        there = verdict.field in settings.last_resort
        key = f"last_resort.{verdict.field}" if there else "last_resort"
        remedy = "correct it" if there else f"write {verdict.field} too"
        if verdict.field == "app":
            remedy = write_instead(settings.last_resort.get("app", ""), gate.apps)
        yield Fault(key, f"is refused: {verdict.reason}", remedy)
