"""When a rule holds, in a dialplan: windows by GotoIfTime, dates by DIALPLAN_EXISTS, its validity by the clock.

A list of dates is a context of its own with patterns of `YYYYMMDD`; a yearly one has any year.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from fallbackrouter.core.dates import DateRange, DateSet
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.schedule import Window
from fallbackrouter.dialplan.plan import Plan
from fallbackrouter.dialplan.spell import context

_FIELDS = 4
_NEW_YEARS_EVE, _NEW_YEAR = 1231, 101


def zone_name(zone: tzinfo | None) -> str:
    """Return a zone as Asterisk finds it; "" for the machine's own, where it has no name."""
    if zone is None or zone is UTC:
        return "UTC"
    name = str(getattr(zone, "key", ""))
    return name if "/" in name or name.isupper() else ""


def window_arguments(window: Window, zone: tzinfo | None) -> str:
    """Return GotoIfTime's arguments for a window."""
    fields = [field or "*" for field in window.text.split(",")]
    fields += ["*"] * (_FIELDS - len(fields))
    name = zone_name(zone)
    return ",".join([*fields, name] if name else fields)


def validity(rule: Rule) -> Iterator[str]:
    """Yield expressions that are 1 while a rule is valid."""
    if rule.valid_from is not None:
        yield f"${{EPOCH}} >= {_second(rule.valid_from)}"
    if rule.valid_until is not None:
        yield f"${{EPOCH}} < {_second(rule.valid_until)}"


def _second(moment: datetime) -> int:
    """Return the first whole second that is not before a moment: Asterisk's clock shows whole seconds."""
    return math.ceil(moment.timestamp())


class Dates:
    """Collects lists of dates, each different one once.

    Attributes:
        count: how many patterns there are in all lists.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lists: dict[tuple[str, ...], str] = {}
        self.count = 0

    def tests(self, rule: Rule) -> Iterator[str]:
        """Yield expressions that are 1 on the days that a rule is for."""
        if rule.dates:
            yield self._today(rule.dates, rule.zone)
        if rule.except_dates:
            yield f"{self._today(rule.except_dates, rule.zone)} = 0"

    def _today(self, dates: DateSet, zone: tzinfo | None) -> str:
        texts = tuple(sorted({text for one in dates for text in _patterns_of(one)}))
        if texts not in self._lists:
            self._lists[texts] = self._plan.named(f"dates-{len(self._lists) + 1}")
            self.count += len(texts)
        return f"${{DIALPLAN_EXISTS({self._lists[texts]},${{STRFTIME(,{zone_name(zone)},%Y%m%d)}},1)}}"

    def contexts(self) -> Iterator[str]:
        """Yield the contexts of all lists."""
        for texts, name in self._lists.items():
            yield context(name, (f"exten => {text},1,NoOp()" for text in texts))


def _patterns_of(one: DateRange) -> Iterator[str]:
    if not one.yearly:
        yield from (f"_{text}" for text in between(f"{one.first:08}", f"{one.last:08}"))
        return
    over = one.first > one.last
    for first, last in ((one.first, _NEW_YEARS_EVE), (_NEW_YEAR, one.last)) if over else ((one.first, one.last),):
        yield from (f"_XXXX{text}" for text in between(f"{first:04}", f"{last:04}"))


def between(first: str, last: str) -> list[str]:
    """Return Asterisk patterns of all numbers from first to last, both included and of the same length."""
    if first == last:
        return [first]
    if first[0] == last[0]:
        return [first[0] + rest for rest in between(first[1:], last[1:])]
    rest = len(first) - 1
    low, high = int(first[0]), int(last[0])
    below = above = list[str]()
    if first[1:] != "0" * rest:
        below = [first[0] + text for text in between(first[1:], "9" * rest)]
        low += 1
    if last[1:] != "9" * rest:
        above = [last[0] + text for text in between("0" * rest, last[1:])]
        high -= 1
    middle = [f"[{low}-{high}]" + "X" * rest] if low < high else [str(low) + "X" * rest] if low == high else []
    return [*below, *middle, *above]
