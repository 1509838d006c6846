"""Ready-made calls, routes and gates for tests."""

import re

from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.route import Gate, Route

GATE = Gate(
    apps={"group": ("num",), "queue": ("num",), "external": ("num",), "ivr": ("num",), "auto": (), "hangup": ()},
    num=re.compile(r"[0-9A-Za-z_+*#.-]{1,40}"),
    external=re.compile(r"[0-9+]{3,15}"),
    variables=frozenset(("app", "num", "time", "auto", "audio1", "text", "digium", "select")),
    functions=frozenset(("CALLERID(name)",)),
)


def number(text: str) -> Number:
    """Return a number as a router without a region reads it."""
    return read_number(text, None)


def call(did: str = "74951111111", caller: str = "79507533333", **facts: object) -> Call:
    """Return a call; `facts` are Call's own."""
    return Call(did=number(did), caller=number(caller), **facts)  # type: ignore[arg-type]


def route(app: str = "group", num: str = "62", **more: str) -> Route:
    """Return a route."""
    return Route((("app", app), ("num", num), *more.items()))
