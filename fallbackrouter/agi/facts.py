"""The arguments of `/event,DID,STAGE[,key=value...]`.

- The stage is the last argument before the first key=value; a dialled number that holds commas cannot shift it.
- A comma in a value made arguments of its own; they are put back. A pair that comes twice is believed in neither place.
- Where a stage that is in use stands behind the pairs, something has moved: no stage is believed then.
"""

import re
from collections.abc import Callable, Sequence

from fallbackrouter.agi.arguments import Placed, Told, touches, unquoted
from fallbackrouter.core.route import printable

NAME = re.compile(r"[a-z0-9_]{1,32}")
"""The name of a fact."""
_BEFORE_FACTS = 2


def read_event(args: Sequence[str], told: Told, known: Callable[[str], bool]) -> Placed:
    """Give each argument its name: `did`, `stage`, and the facts by their own.

    Args:
        known: tells whether a stage is in use.
    """
    first = next((at for at, text in enumerate(args) if at and _name_of(text)), len(args))
    before, behind = list(args[:first]), list(args[first:])
    joined = ",".join(args)
    for did in told.hostile().get("did", ()):
        whole = unquoted(did)
        if joined.startswith(whole) and joined[len(whole) : len(whole) + 1] in {"", ","}:
            stage, *behind = joined[len(whole) + 1 :].split(",")
            before = [did, stage]
            break
        if args and touches(args[0], did):
            return Placed({"did": did}, ("the arguments do not agree with the header",))
    if any(known(text) for text in behind):
        return Placed({"did": before[0]}, ("a stage stands behind the facts: none is believed",))
    values = dict(zip(("did", "stage"), before, strict=False))
    if len(before) > _BEFORE_FACTS:
        values = {"did": ",".join(before[:-1]), "stage": before[-1]}
    facts, notes = _facts(behind)
    return Placed({**facts, **values}, notes)


def _name_of(text: str) -> str:
    """Return the name of a key=value pair, "" where it is none."""
    name, equals, _ = text.partition("=")
    return name if equals and NAME.fullmatch(name) else ""


def _facts(pieces: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return name -> value, and notes on what was left out."""
    facts: dict[str, str] = {}
    notes: list[str] = []
    twice: set[str] = set()
    current = ""
    for piece in pieces:
        name = _name_of(piece)
        if name in facts:
            twice.add(name)
        if name:
            facts[name] = piece[len(name) + 1 :]
            current = name
        elif "=" in piece:
            notes.append(f"{printable(piece.partition('=')[0], 40)} is no name of a fact: left out")
            current = ""
        elif current and piece:
            facts[current] += f",{piece}"
    for name in sorted(twice):
        del facts[name]
        notes.append(f"{name} comes twice: left out")
    return facts, tuple(notes)
