"""A row of the routes feed: as the CRM wrote it -> as it may serve, or why it is set aside.

Source: docs/crm-contract.md, "Routes feed".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from fallbackrouter.core.call import ReadNumber, is_stage
from fallbackrouter.core.errors import PatternError, ScheduleError
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.route import MAX_RULE_CHARS, Gate, Refused, printable
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.core.selector import Selector, SelectorError
from fallbackrouter.store.route_row import RouteRow
from fallbackrouter.store.route_shapes import WITHHELD

MAX_WINDOWS = 50
MAX_PRIORITY = 1_000_000
_KEYS = frozenset(
    ("id", "did", "caller", "stage", "when", "timezone", "priority", "valid_from", "valid_until", "result")
)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that may not serve; `row_id` is its place ("#7") where it has no id."""

    row_id: str
    reason: str


class _RowError(Exception):
    """The row may not serve; the text is the reason."""


class RowReader:
    """Turns a feed's rows into rows that may serve.

    Args:
        gate: what may reach a dialplan.
        load_zone: a zone by its name, None where there is none such.
        default_zone: the zone of rows that name none.
    """

    def __init__(
        self, *, gate: Gate, read_number: ReadNumber, load_zone: Callable[[str], tzinfo | None], default_zone: str
    ) -> None:
        self._gate = gate
        self._read_number = read_number
        self._default_zone = default_zone
        self._has_zone = lru_cache(1000)(lambda name: load_zone(name) is not None)
        self._window_fault = lru_cache(10_000)(_window_fault)
        self._seen: set[str] = set()

    def read(self, raw: object, number: int) -> RouteRow | Reject:
        """Check one row.

        Args:
            number: its place in the feed, from 0; decides between rows that are equal otherwise.
        """
        row_id = raw.get("id") if isinstance(raw, Mapping) else None
        shown = printable(str(row_id), 80) if isinstance(row_id, str | int) else f"#{number + 1}"
        if not isinstance(raw, Mapping):
            return Reject(shown, "the row is not a JSON object")
        try:
            return self._row(raw, number)
        except _RowError as error:
            return Reject(shown, str(error))

    def _row(self, raw: Mapping[str, Any], number: int) -> RouteRow:
        unknown = [key for key in raw if key not in _KEYS]
        if unknown:
            raise _RowError(f"{printable(str(unknown[0]), 40)} is no key of a route")
        row_id = self._id(raw.get("id"))
        admitted = self._gate.check(_fields(raw.get("result")))
        if isinstance(admitted, Refused):
            raise _RowError(admitted.reason)
        return RouteRow(
            id=row_id,
            did=self._number(raw.get("did"), "did"),
            caller=self._number(raw.get("caller"), "caller"),
            stage=_stage(raw.get("stage")),
            when=self._windows(raw.get("when")),
            timezone=self._zone(raw.get("timezone")),
            priority=_priority(raw.get("priority")),
            valid_from=_moment(raw.get("valid_from"), "valid_from"),
            valid_until=_moment(raw.get("valid_until"), "valid_until"),
            result=admitted.route.fields,
            order=number,
        )

    def _id(self, given: object) -> str:
        if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
            raise _RowError("the row has no id")
        text = str(given)
        if len(text) > MAX_RULE_CHARS or printable(text) != text:
            raise _RowError(f"the id is longer than {MAX_RULE_CHARS} characters or holds a control character")
        if text in self._seen:
            raise _RowError("an earlier row has the same id")
        self._seen.add(text)
        return text

    def _number(self, given: object, key: str) -> str:
        """Return "" for any, a number's key, a pattern, or (of a caller) `withheld`."""
        if given is None or given in ("", "any"):
            return ""
        if not isinstance(given, str):
            raise _RowError(f"{key} is not text")
        if given.lower() == WITHHELD:
            if key != "caller":
                raise _RowError("a dialled number cannot be withheld")
            return WITHHELD
        if given.startswith("_"):
            return self._pattern(given, key)
        selector = Selector(self._read_number)
        try:
            selector.add_number(given)
        except SelectorError as error:
            raise _RowError(f"{key}: {error}; {error.remedy}") from None
        return selector.keys.pop()

    def _pattern(self, text: str, key: str) -> str:
        try:
            return parse_pattern(text).text
        except PatternError as error:
            raise _RowError(f'{key}: pattern "{printable(text, 40)}": {error}') from None

    def _windows(self, given: object) -> tuple[str, ...]:
        windows = _texts(given, "when") if given else ()
        for text in windows:
            fault = self._window_fault(text)
            if fault:
                raise _RowError(f"when: {fault}")
        return windows

    def _zone(self, given: object) -> str:
        if given is None or given == "":
            return self._default_zone
        if not isinstance(given, str) or not self._has_zone(given):
            raise _RowError(f"there is no time zone {printable(str(given), 40)}")
        return given


def _stage(given: object) -> str:
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or not is_stage(given):
        raise _RowError("stage is 1 to 32 of a-z, 0-9 and _")
    return given


def _window_fault(text: str) -> str:
    try:
        parse_window(text)
    except ScheduleError as error:
        return str(error)
    return ""


def _texts(given: object, key: str) -> tuple[str, ...]:
    texts = given if isinstance(given, list) else [given]
    if len(texts) > MAX_WINDOWS:
        raise _RowError(f"{key} lists more than {MAX_WINDOWS}")
    if not all(isinstance(text, str) and text for text in texts):
        raise _RowError(f"{key} is not text, or a list of texts")
    return tuple(texts)


def _fields(given: object) -> Mapping[str, object]:
    if not isinstance(given, Mapping):
        raise _RowError("the row has no result")
    return given


def _priority(given: object) -> int:
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int) or abs(given) > MAX_PRIORITY:
        raise _RowError(f"priority is not a whole number within ±{MAX_PRIORITY:,}")
    return given


def _moment(given: object, key: str) -> datetime | None:
    if given is None or given == "":
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _RowError(f"{key} is not a moment such as 2026-03-08T09:00:00Z")
    return moment.astimezone(UTC)
