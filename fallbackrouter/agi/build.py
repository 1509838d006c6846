"""Makes the Call of a request: the header's word first, then the arguments'; everything bounded and printable."""

import re
from collections.abc import Iterable, Mapping

from fallbackrouter.agi.arguments import Placed, Told, absent, agrees
from fallbackrouter.agi.environment import Environment
from fallbackrouter.agi.facts import NAME
from fallbackrouter.core.call import MAX_EXTRA, MAX_EXTRA_CHARS, MAX_TEXT_CHARS, Call, ReadNumber
from fallbackrouter.core.route import printable

MAX_NOTES = 16
"""The most notes that a call carries from here."""

_OWN = frozenset({"did", "caller", "call_id", "linked_id", "linkedid", "stage", "line"})
_NO_DIGITS = re.compile(r"[^0-9.]+")
_NO_LINK = re.compile(r"/*\.\w{1,5}")


def build_call(
    environment: Environment,
    told: Told,
    placed: Placed,
    stage: str,
    *,
    read_number: ReadNumber,
    remarks: Iterable[str] = (),
    test: bool = False,
) -> Call:
    """Make the Call.

    Args:
        told: what the header says of numbers and id.
        placed: the arguments by name.
        remarks: further notes; empty ones are no notes.
    """
    given = placed.values
    notes = [*environment.notes, *placed.notes, *filter(None, remarks)]
    extra = _extra(given, notes)
    return Call(
        did=read_number(_did(given, told, notes)),
        caller=read_number(_caller(given, told, read_number, notes)),
        call_id=_call_id(given, told, environment, notes),
        linked_id=_given(given, "linked_id") or _given(given, "linkedid"),
        stage=stage,
        line=_given(given, "line"),
        context=_bounded(environment.values.get("agi_context", "")),
        channel=_bounded(environment.values.get("agi_channel", "")),
        extra=extra,
        test=test,
        notes=tuple(notes[:MAX_NOTES]),
    )


def _did(given: Mapping[str, str], told: Told, notes: list[str]) -> str:
    did = given.get("did", "")
    if not absent(did):
        return did
    notes.append("no dialled number was given: it is the header's" if told.dids else "no dialled number was given")
    return told.dids[0] if told.dids else ""


def _caller(given: Mapping[str, str], told: Told, read_number: ReadNumber, notes: list[str]) -> str:
    """Return the header's caller, withheld or not; the argument's only where the header has no such line."""
    caller = given.get("caller", "")
    if told.caller is None:
        return "" if absent(caller) else caller
    if not agrees(caller, told, lambda one, other: read_number(one).key == read_number(other).key):
        notes.append("the caller given is not the header's: the header's counts")
    return told.caller


def _call_id(given: Mapping[str, str], told: Told, environment: Environment, notes: list[str]) -> str:
    call_id = given.get("call_id", "")
    if absent(call_id):
        if call_id:
            notes.append("the call id given is the name of a variable: the header's counts")
        return _bounded(told.call_id)
    if _tells_for(environment.values, call_id):
        return _bounded(call_id)
    if told.call_id and call_id != told.call_id:
        notes.append("the call id given is not the header's: the header's counts")
    return _bounded(told.call_id or call_id)


def _tells_for(header: Mapping[str, str], call_id: str) -> bool:
    """Tell whether the channel is one that the generated dialplan made to tell of another: `Local/CALLIDx…@…`."""
    begins = f"{_NO_DIGITS.sub('', call_id)}x"
    return header.get("agi_channel", "").startswith("Local/") and header.get("agi_extension", "").startswith(begins)


def _extra(given: Mapping[str, str], notes: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the further facts, without those that say nothing."""
    if _OWN.issuperset(given):
        return ()
    extra: list[tuple[str, str]] = []
    for name, value in given.items():
        if name in _OWN or absent(value):
            continue
        if name == "link" and _NO_LINK.fullmatch(value):
            notes.append("the link names no file: left out")
        elif not NAME.fullmatch(name):
            notes.append(f"{printable(name, 40)} is no name of a fact: left out")
        elif len(extra) == MAX_EXTRA:
            notes.append(f"more than {MAX_EXTRA} facts: the rest is left out")
            break
        else:
            extra.append((name, _bounded(value, MAX_EXTRA_CHARS)))
    return tuple(extra)


def _given(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "")
    return "" if absent(value) else _bounded(value)


def _bounded(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Return a text cut to its bound, with blanks for control characters."""
    return text if len(text) <= limit and text.isprintable() else printable(text, limit)
