"""The raw query string of `/route?did=...&caller=...&stage=...&line=...`.

- Nothing is decoded: a `+` is a plus, `*72#` is itself, `%2B` stays as it is; Asterisk encodes nothing.
- Commas cut it into arguments as everywhere else; what they cut off is put back before it is read.
- A number in it may hold `&` and `=`: such a text is known from the header, and taken out before the rest is split.
- A name that comes twice is believed in neither place; where anything is in doubt, only the numbers are read.
"""

import re
from collections.abc import Callable, Sequence

from fallbackrouter.agi.arguments import SEPARATORS, Placed, Told, agrees, touches, unquoted

_HOSTILE = re.compile(SEPARATORS.pattern[:-1] + "&=]")
_MAX_PAIRS = 64


def read_query(query: str, args: Sequence[str], told: Told, same: Callable[[str, str], bool]) -> Placed:
    """Read a query string, together with the arguments that commas in it made.

    Args:
        query: what stands behind the `?`.
        same: tells whether two spellings are one number.
    """
    hostile = told.hostile(_HOSTILE)
    joined = ",".join((query, *args))
    values: dict[str, str] = {}
    for name, texts in hostile.items():
        for text in texts:
            found, joined = _taken_out(joined, f"{name}={unquoted(text)}")
            if found:
                values[name] = text
    pairs, twice = _split(joined)
    notes = [f"{name} comes twice in the query: left out" for name in sorted(twice)]
    moved = any(
        name in values or touches(pairs[name], text.partition("&")[0])
        for name in hostile
        if name in pairs
        for text in hostile[name]
    )
    pairs.update(values)
    if "stage" in pairs:
        pairs["stage"] = pairs["stage"].partition(",")[0]
    known = bool(told.call_id) and pairs.get("call_id") == told.call_id
    if not known and (moved or twice or not agrees(pairs.get("caller", ""), told, same)):
        notes.append("the query does not agree with the header: only its numbers are read")
        pairs = {name: value for name, value in pairs.items() if name in {"did", "caller"}}
    return Placed(pairs, tuple(notes))


def _taken_out(joined: str, pair: str) -> tuple[bool, str]:
    """Return whether a whole pair stood in the query, and the query without it."""
    at = 0
    while (at := joined.find(pair, at)) >= 0:
        begins = at == 0 or joined[at - 1] == "&"
        end = at + len(pair)
        if begins and joined[end : end + 1] in {"", "&", ","}:
            return True, joined[:at] + joined[end:].removeprefix("&")
        at += 1
    return False, joined


def _split(query: str) -> tuple[dict[str, str], set[str]]:
    """Return name -> value, and the names that came twice (which have no value)."""
    pairs: dict[str, str] = {}
    twice: set[str] = set()
    for pair in query.split("&")[:_MAX_PAIRS]:
        name, equals, value = pair.partition("=")
        if not equals:
            continue
        if name in pairs:
            twice.add(name)
        pairs[name] = value
    for name in twice:
        del pairs[name]
    return pairs, twice
