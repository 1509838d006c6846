"""The fields that a call is asked for by, one by one: text from outside -> a value, or why it is none."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from fallbackrouter.core.route import Refused, printable

MAX_ID_CHARS = 80
MAX_TIMEOUT_S = 600
MAX_WAIT_S = 86_400
"""The longest that a call may wait to be made."""
MAX_NAME_CHARS = 80
FIELDS = (
    *("id", "channel", "to", "via", "callerid", "context", "exten", "priority", "route", "variables"),
    *("timeout_s", "not_after"),
)
"""What a call is asked for by."""
APPLICATION = frozenset({"application", "app", "data"})

_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff|]")
_EVALUATED = re.compile(r"\$[{\[]")
_CALLER = re.compile(r'\s*(?:"?(?P<name>[^"<>]*?)"?\s*<(?P<in>[^<>]*)>|(?P<alone>[^"<>]*?))\s*')
_CALLER_NUMBER = re.compile(r"[0-9A-Za-z+*#_.-]{1,40}")
_ID = re.compile(r"[!-~]{1,80}")


class RefusalError(Exception):
    """A field that cannot pass; turned into `Refused` at the gate."""

    def __init__(self, reason: str, field: str) -> None:
        self.refused = Refused(reason, field)
        super().__init__(reason)


def refuse_unknown(fields: Mapping[str, object]) -> None:
    """Raise RefusalError where a name is none of FIELDS."""
    for name in fields:
        if name.lower() in APPLICATION:
            raise RefusalError("a call comes into a context of the dialplan; no application is run for it", name)
        if name not in FIELDS:
            raise RefusalError(f"{printable(name, 40)} is nothing that a call is asked for by", printable(name, 40))


def text_of(fields: Mapping[str, object], name: str) -> str:
    """Return a field as text, "" where it is absent."""
    given = fields.get(name)
    return "" if given is None else as_text(given, name, name)


def as_text(given: object, what: str, field: str) -> str:
    """Return a value as text.

    Raises:
        RefusalError: it is none, or holds what steers something.
    """
    if isinstance(given, bool) or not isinstance(given, str | int) or (isinstance(given, int) and abs(given) >= 10**40):
        raise RefusalError(f"{what} is no text", field)
    text = str(given)
    found = _STEERING.search(text)
    if found:
        kind = {"\n": "a line break", "\r": "a line break", "|": "a pipe"}.get(found[0], "a control character")
        raise RefusalError(f"{what} holds {kind}", field)
    return text


def crm_id(fields: Mapping[str, object]) -> str:
    """Return the CRM's own id, "" where it gave none; raises RefusalError."""
    text = text_of(fields, "id")
    if text and not _ID.fullmatch(text):
        raise RefusalError(
            f"id is longer than {MAX_ID_CHARS} characters, or holds blanks or letters beyond ASCII", "id"
        )
    return text


def _moment(given: object, now_at: datetime) -> datetime | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        if not isinstance(given, str):
            return now_at + timedelta(seconds=given)
        moment = datetime.fromisoformat(given)
    except (ValueError, OverflowError):
        return None
    return moment.astimezone(now_at.tzinfo) if moment.tzinfo else None


def evaluated(text: str) -> bool:
    """Tell whether a dialplan would evaluate a text, once it is handed on."""
    return _EVALUATED.search(text) is not None


def caller_of(text: str) -> tuple[str, str]:
    """Return a caller's name and number; raises RefusalError."""
    if not text:
        return "", ""
    found = _CALLER.fullmatch(text)
    number = (found["in"] if found["in"] is not None else found["alone"]).strip() if found else ""
    name = (found["name"] or "").strip() if found else ""
    if not _CALLER_NUMBER.fullmatch(number) or len(name) > MAX_NAME_CHARS or evaluated(name):
        raise RefusalError('callerid is neither a number nor "name" <number>', "callerid")
    return name, number


def timeout_of(given: object, default_s: int) -> int:
    """Return for how long a call rings, whole seconds; raises RefusalError."""
    if given is None:
        return default_s
    if isinstance(given, bool) or not isinstance(given, int | float) or not 1 <= given <= MAX_TIMEOUT_S:
        raise RefusalError(f"timeout_s is no number of seconds from 1 to {MAX_TIMEOUT_S}", "timeout_s")
    return int(given)


def not_after_of(given: object, now_at: datetime, default_s: float) -> datetime:
    """Return the moment past which a call is not made, UTC; raises RefusalError."""
    if given is None:
        return now_at + timedelta(seconds=default_s)
    moment = _moment(given, now_at)
    if moment is None:
        remedy = "not_after is neither seconds from now nor a moment such as 2026-03-02T10:00:00Z"
        raise RefusalError(remedy, "not_after")
    if not now_at < moment <= now_at + timedelta(seconds=MAX_WAIT_S):
        raise RefusalError("not_after is past, or more than a day away", "not_after")
    return moment
