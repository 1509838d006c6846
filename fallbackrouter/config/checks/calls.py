"""`[calls]`: patterns that match what they look like, names that a call may set, and a user to make calls by."""

import re
from pathlib import Path

from fallbackrouter.config.checks.answers import regex_faults
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.selected import SelectedError, select_numbers
from fallbackrouter.config.settings import Calls, Settings
from fallbackrouter.core.call import is_stage
from fallbackrouter.core.endpoint import parse_channel_pattern
from fallbackrouter.core.errors import PatternError, ScheduleError
from fallbackrouter.core.names import is_variable
from fallbackrouter.core.route import printable
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.numbering import REGIONS

_CONTEXT = re.compile(r"[A-Za-z0-9_.-]{1,80}")


def calls_faults(settings: Settings, base: Path) -> Faults:
    """Yield what is wrong with the keys on calls from the CRM.

    Args:
        base: what paths are relative to.
    """
    calls = settings.calls
    if bool(calls.contexts) != bool(calls.channels):
        missing = "channels" if calls.contexts else "contexts"
        yield Fault(f"calls.{missing}", "is empty, so no call could be made", "fill it, or empty the other one too")
    if calls.contexts and not settings.ami.user:
        yield Fault("ami.user", "is missing, as calls are to be made", "name a user of manager.conf (docs/calls.md)")
    yield from regex_faults("calls.exten", calls.exten)
    yield from _name_faults(calls)
    yield from _pattern_faults(calls)
    yield from _number_faults(settings, base)
    if calls.stage and not is_stage(calls.stage):
        yield Fault("calls.stage", f'is "{printable(calls.stage)}", which is no stage', "use 1 to 32 of a-z, 0-9 and _")


def _name_faults(calls: Calls) -> Faults:
    for place, name in enumerate(calls.contexts, 1):
        if not _CONTEXT.fullmatch(name):
            yield Fault(f"calls.contexts[{place}]", f'is "{printable(name)}", which is no context', "write its name")
    for place, name in enumerate(calls.variables, 1):
        if not is_variable(name):
            remedy = "begin with a letter, go on with letters, digits and _, and leave FR_ to the router"
            yield Fault(f"calls.variables[{place}]", f'is "{printable(name)}", which no call may set', remedy)


def _pattern_faults(calls: Calls) -> Faults:
    for place, text in enumerate(calls.channels, 1):
        try:
            parse_channel_pattern(text)
        except PatternError as error:
            reason, _, remedy = str(error).partition("; ")
            yield Fault(f"calls.channels[{place}]", f'is "{printable(text)}": {reason}', remedy or "correct it")
    for place, text in enumerate(calls.hours, 1):
        try:
            parse_window(text)
        except ScheduleError as error:
            yield Fault(f"calls.hours[{place}]", f'is "{printable(text)}": {error}', "write it like 09:00-18:00")


def _number_faults(settings: Settings, base: Path) -> Faults:
    if settings.numbers.region and settings.numbers.region not in REGIONS:
        return  # which is a fault of its own
    for key in ("caller_ids", "do_not_call"):
        texts: list[str] = getattr(settings.calls, key)
        try:
            select_numbers(settings, base, texts, lists=key == "do_not_call")
        except SelectedError as error:
            yield Fault(f"calls.{key}[{error.place}]", str(error), error.remedy)
