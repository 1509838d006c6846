"""The fields of a form, as `POST /v1/ask` and `/v1/event` take them -> a Call: the same reading as a FastAGI request's.

- There is no header that could be trusted more: what the form says of the call is all there is.
- In a form a `+` is a blank. Who sends a number raw (`caller=+7950...`) has it arrive with a blank before its digits:
  it is a plus again, and noted.
- A name that comes twice is believed in neither place: a number that was sent raw and holds `&` and `=` makes fields of
  its own, which must not outdo the dialplan's.
- Nothing here raises for any bytes: every bound is kept by cutting and noting.
"""

import re
from urllib.parse import unquote_plus

from fallbackrouter.agi.arguments import Placed, Told
from fallbackrouter.agi.environment import Environment
from fallbackrouter.agi.request import Grammar, Request, bare_request, understand
from fallbackrouter.core.call import MAX_EXTRA_CHARS
from fallbackrouter.core.route import printable

MAX_FIELDS = 64
"""The most fields of a form; what stands behind them is left out."""

_NUMBERS = ("did", "caller", "transferred_to")
_LOST_PLUS = re.compile(r" +(?=[0-9])")
_OF_THE_CALL = {"context": "agi_context", "channel": "agi_channel"}
_NOTHING_TOLD = Told(None, (), "")


def read_form(body: bytes, path: str, grammar: Grammar) -> Request:
    """Read a form; never raises, whatever the bytes.

    Args:
        body: bounded by whoever read it.
        path: "ask" or "event".

    Returns:
        Kind `unknown` where an event's stage cannot be believed.
    """
    fields, notes = _fields(body)
    for name in _NUMBERS:
        if _LOST_PLUS.match(fields.get(name, "")):
            fields[name] = _LOST_PLUS.sub("+", fields[name], count=1)
            notes.append(f"{name} came with a blank for its +: send it by URIENCODE")
    known = {key: fields.pop(name) for name, key in _OF_THE_CALL.items() if name in fields}
    return understand(Environment("", known), _NOTHING_TOLD, Placed(fields, tuple(notes)), path, grammar)


def bare_form() -> Request:
    """Return a request that says nothing, for when reading a form failed by a fault of our own."""
    return bare_request(Environment("", {}))


def _fields(body: bytes) -> tuple[dict[str, str], list[str]]:
    """Return name -> value, and notes on what was left out."""
    pieces = [piece for piece in body.decode("utf-8", "replace").split("&", MAX_FIELDS + 1) if piece]
    notes = [f"more than {MAX_FIELDS} fields: the rest is left out"] if len(pieces) > MAX_FIELDS else []
    fields: dict[str, str] = {}
    twice: set[str] = set()
    for piece in pieces[:MAX_FIELDS]:
        name, _, value = piece.partition("=")
        name = printable(unquote_plus(name), MAX_EXTRA_CHARS)
        if name in fields:
            twice.add(name)
        fields[name] = printable(unquote_plus(value), MAX_EXTRA_CHARS)
    for name in sorted(twice):
        del fields[name]
        notes.append(f"{printable(name, 40)} comes twice: left out")
    return fields, notes
