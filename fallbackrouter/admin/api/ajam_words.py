"""How AJAM spells an order and an answer.

Source: Asterisk's manager.c, `xml_translate` and `generic_http_callback`.
"""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from fallbackrouter.core.call_fields import RefusalError
from fallbackrouter.core.route import printable

Words = tuple[tuple[str, str], ...]
"""An answer's headers."""

_ASKED_BY = {
    "channel": "channel",
    "callerid": "callerid",
    "context": "context",
    "exten": "exten",
    "priority": "priority",
}
_NOT_OURS = frozenset({"action", "actionid", "async", "timeout", "variable", "channelid"})
_NEXT = re.compile(r",(?=[A-Za-z_][A-Za-z0-9_]*(?:\([^=]*\))?=)")
"""Where Asterisk parts variables in one header; a comma before anything else belongs to the value."""


def originate_fields(asked: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Return an Originate's headers as the fields that our gate takes.

    ActionID names the answer and ChannelID is ours: both are left alone. Async is what our calls always are.

    Raises:
        RefusalError: a header is none that we take.
    """
    fields: dict[str, object] = {}
    variables: dict[str, str] = {}
    for given, value in asked:
        name = given.lower()
        if name == "variable":
            variables |= _variables(value)
        elif name == "timeout":
            fields["timeout_s"] = _timeout_s(value)
        elif name in _ASKED_BY:
            fields[_ASKED_BY[name]] = value
        elif name not in _NOT_OURS:
            fields[name if name in {"application", "data"} else f"{printable(given, 40)} of AJAM"] = value
    return {**fields, "variables": variables} if variables else fields


def _variables(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _NEXT.split(text):
        name, equals, value = part.partition("=")
        if not equals:
            raise RefusalError(f"variable {printable(part, 40)} has no value", "variables")
        found[name.strip()] = value
    return found


def _timeout_s(text: str) -> int:
    """Return a timeout, which AJAM has in milliseconds."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - digits of a number of ms
        raise RefusalError("timeout is no number of milliseconds", "timeout_s")
    return max(1, int(text) // 1000)


def xml_text(words: Words) -> str:
    """Return an answer as `mxml` spells it."""
    told = " ".join(f"{name.lower()}='{_escaped(value)}'" for name, value in words)
    generic = f"<response type='object' id='unknown'><generic {told} /></response>"
    return f"<ajax-response>\n{generic}\n</ajax-response>\n"


def _escaped(text: str) -> str:
    return escape(text, {"'": "&apos;", '"': "&quot;"})


def raw_text(words: Words) -> str:
    """Return an answer as `rawman` spells it."""
    return "".join(f"{name}: {value}\r\n" for name, value in words) + "\r\n"
