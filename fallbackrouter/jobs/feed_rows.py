"""Rows of the routes feed: as the CRM wrote them -> as they may serve, or why they are set aside.

A feed may hold a million rows, and most fields repeat: what was found out about a result, a window or a zone is
remembered, bounded, so that a usual row costs a few microseconds.

Source: docs/crm-contract.md, "Routes feed".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

import msgspec

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
MAX_NUMBER_DIGITS = 40
_KEYS = frozenset(
    ("id", "did", "caller", "stage", "when", "timezone", "priority", "valid_from", "valid_until", "result")
)
_encode = msgspec.json.Encoder().encode


class FeedRow(msgspec.Struct, forbid_unknown_fields=True):
    """A row whose keys are known and whose values are of the right kind; made by msgspec, checked by RowReader."""

    id: str | int = ""
    did: str | None = None
    caller: str | None = None
    stage: str | None = None
    when: msgspec.Raw = msgspec.Raw(b"")
    timezone: str | None = None
    priority: int | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"")


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
        read_number: the numbering plan.
        plain: the digits of a number are its key, as no region says otherwise.
        load_zone: a zone by its name, None where there is none such.
        default_zone: the zone of rows that name none.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        read_number: ReadNumber,
        plain: bool,
        load_zone: Callable[[str], tzinfo | None],
        default_zone: str,
    ) -> None:
        self._gate = gate
        self._read_number = read_number
        self._plain = plain
        self._default_zone = default_zone
        self._has_zone = lru_cache(1000)(lambda name: load_zone(name) is not None)
        self._window_fault = lru_cache(10_000)(_window_fault)
        self._results = lru_cache(50_000)(self._result_of)
        self._whens = lru_cache(10_000)(self._when_of)

    def read_usual(self, rows: Iterable[FeedRow], number: int) -> list[RouteRow | Reject]:
        """Check rows that msgspec has read.

        Args:
            number: the first one's place in the feed, from 0.
        """
        return [self._try_usual(row, place) for place, row in enumerate(rows, number)]

    def _try_usual(self, row: FeedRow, number: int) -> RouteRow | Reject:
        try:
            return RouteRow(
                self._id(row.id),
                self._results(bytes(row.result)),
                self._number(row.did, "did"),
                self._number(row.caller, "caller"),
                _stage(row.stage) if row.stage else "",
                self._whens(bytes(row.when)) if row.when else "",
                self._zone(row.timezone) if row.timezone else self._default_zone,
                _priority(row.priority) if row.priority else 0,
                _moment(row.valid_from, "valid_from") if row.valid_from else None,
                _moment(row.valid_until, "valid_until") if row.valid_until else None,
            )
        except _RowError as error:
            return Reject(_shown(row.id, number), str(error))

    def read(self, raw: object, number: int) -> RouteRow | Reject:
        """Check one row of any shape.

        Args:
            raw: decoded JSON.
            number: its place in the feed, from 0.
        """
        if not isinstance(raw, Mapping):
            return Reject(f"#{number + 1}", "the row is not a JSON object")
        try:
            return self._row(raw)
        except _RowError as error:
            return Reject(_shown(raw.get("id"), number), str(error))

    def _row(self, raw: Mapping[str, Any]) -> RouteRow:
        unknown = [key for key in raw if key not in _KEYS]
        if unknown:
            raise _RowError(f"{printable(str(unknown[0]), 40)} is no key of a route")
        return RouteRow(
            id=self._id(raw.get("id")),
            result=self._result(raw.get("result")),
            did=self._number(raw.get("did"), "did"),
            caller=self._number(raw.get("caller"), "caller"),
            stage=_stage(raw.get("stage")),
            windows=self._windows(raw.get("when")),
            timezone=self._zone(raw.get("timezone")),
            priority=_priority(raw.get("priority")),
            valid_from=_moment(raw.get("valid_from"), "valid_from"),
            valid_until=_moment(raw.get("valid_until"), "valid_until"),
        )

    def _id(self, given: object) -> str:
        if isinstance(given, str) and given.isalnum() and len(given) <= MAX_RULE_CHARS:
            return given
        if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
            raise _RowError("the row has no id")
        text = str(given)
        if len(text) > MAX_RULE_CHARS or printable(text) != text:
            raise _RowError(f"the id is longer than {MAX_RULE_CHARS} characters or holds a control character")
        return text

    def _result_of(self, raw: bytes) -> str:
        return self._result(_decoded(raw, "result"))

    def _result(self, given: object) -> str:
        """Return a route's fields as JSON, as the gate lets them through."""
        if not isinstance(given, Mapping):
            raise _RowError("the row has no result")
        admitted = self._gate.check(given)
        if isinstance(admitted, Refused):
            raise _RowError(admitted.reason)
        return _encode(admitted.route.fields).decode()

    def _number(self, given: object, key: str) -> str:
        """Return "" for any, a number's key, a pattern, or (of a caller) `withheld`."""
        if given is None or given in ("", "any"):
            return ""
        if not isinstance(given, str):
            raise _RowError(f"{key} is not text")
        if self._plain and given.isascii() and given.isdecimal() and len(given) <= MAX_NUMBER_DIGITS:
            return given
        if given.lower() == WITHHELD:
            if key != "caller":
                raise _RowError("a dialled number cannot be withheld")
            return WITHHELD
        if given.startswith("_"):
            return _pattern(given, key)
        selector = Selector(self._read_number)
        try:
            selector.add_number(given)
        except SelectorError as error:
            raise _RowError(f"{key}: {error}; {error.remedy}") from None
        return selector.keys.pop()

    def _when_of(self, raw: bytes) -> str:
        return self._windows(_decoded(raw, "when"))

    def _windows(self, given: object) -> str:
        windows = _texts(given, "when") if given else ()
        for text in windows:
            fault = self._window_fault(text)
            if fault:
                raise _RowError(f"when: {fault}")
        return _encode(windows).decode() if windows else ""

    def _zone(self, given: object) -> str:
        if given is None or given == "":
            return self._default_zone
        if not isinstance(given, str) or not self._has_zone(given):
            raise _RowError(f"there is no time zone {printable(str(given), 40)}")
        return given


def _shown(row_id: object, number: int) -> str:
    if isinstance(row_id, str | int) and not isinstance(row_id, bool) and row_id != "":
        return printable(str(row_id), 80)
    return f"#{number + 1}"


def _decoded(raw: bytes, key: str) -> object:
    try:
        return msgspec.json.decode(raw) if raw else None
    except RecursionError:
        raise _RowError(f"{key} is nested too deep") from None


def _pattern(text: str, key: str) -> str:
    try:
        return parse_pattern(text).text
    except PatternError as error:
        raise _RowError(f'{key}: pattern "{printable(text, 40)}": {error}') from None


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
