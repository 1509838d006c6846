"""Dates that a rule is for, or is not for: days of one year, or of every year.

- `2026-01-01` is a day, `2026-01-01..2026-01-08` holds both its ends and all between;
- `*-05-09` is a day of every year, `*-12-31..*-01-08` a range of every year, which may go over its end;
- the date is that of the moment, as the clock on the wall shows it: a night that begins on a date ends on the next.

GotoIfTime knows no years; a dialplan compares `first` and `last` with STRFTIME's `%Y%m%d`, or `%m%d` where yearly.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from fallbackrouter.core.errors import ScheduleError

MAX_DATE_CHARS = 64

_DAY = re.compile(r"([0-9]{4}|\*)-([0-9]{2})-([0-9]{2})")
_EVERY_DAY_COMES = 2000
"""A leap year, in which every day of a yearly range exists."""
_HOW = "write a day as 2026-01-01, a range as 2026-01-01..2026-01-08, and * as the year for every year"


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of days; made by `parse_dates`.

    Attributes:
        text: as it was written, without blanks.
        first: YYYYMMDD as one number, MMDD where yearly.
        last: the same, included; before `first` where a yearly range goes over the year's end.
        yearly: it comes every year.
    """

    text: str
    first: int = field(repr=False)
    last: int = field(repr=False)
    yearly: bool = field(repr=False)

    def contains(self, day: date) -> bool:
        """Tell whether a day lies in the range."""
        place = day.month * 100 + day.day + (0 if self.yearly else day.year * 10_000)
        if self.first <= self.last:
            return self.first <= place <= self.last
        return place >= self.first or place <= self.last


def parse_dates(text: str) -> DateRange:
    """Read a day or a range of days.

    Raises:
        ScheduleError: it is none. The text is "reason; remedy".
    """
    if len(text) > MAX_DATE_CHARS:
        raise ScheduleError(f"a range of dates has at most {MAX_DATE_CHARS} characters; {_HOW}")
    ends = [end.strip() for end in text.split("..")]
    days = [_day(end) for end in ends]
    if not 1 <= len(days) <= 2:  # noqa: PLR2004 - a range has two ends
        raise ScheduleError(f"`{text}` has more than two ends; {_HOW}")
    (first, yearly), (last, also) = days[0], days[-1]
    if yearly != also:
        raise ScheduleError(f"`{text}` has a year on one side alone; give both ends a year, or both `*`")
    if first > last and not yearly:
        raise ScheduleError(f"`{text}` runs backwards and holds no day; write {ends[1]}..{ends[0]}")
    return DateRange("..".join(ends), first, last, yearly)


def _day(text: str) -> tuple[int, bool]:
    """Return a day as one number, and whether it comes every year."""
    found = _DAY.fullmatch(text)
    if not found:
        raise ScheduleError(f"`{text}` is no date; {_HOW}")
    year, month, day = found.groups()
    yearly = year == "*"
    try:
        date(_EVERY_DAY_COMES if yearly else int(year), int(month), int(day))
    except ValueError:
        raise ScheduleError(f"`{text}` is on no calendar; correct the month or the day") from None
    return int(month) * 100 + int(day) + (0 if yearly else int(year) * 10_000), yearly


_YEAR = sum(1 << (day.month * 100 + day.day) for day in map(date.fromordinal, range(730_120, 730_120 + 366)))
"""The days that there are, those of a leap year; the bits between two months stand for none."""


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same days in ranges that do not overlap, the earliest first."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _days_of(ranges: tuple[DateRange, ...]) -> int:
    """Return the days of all yearly ranges as bits, bit MMDD for each."""
    days = 0
    for one in {(one.first, one.last) for one in ranges if one.yearly}:
        days |= _span(*one)
    return days


def _span(first: int, last: int) -> int:
    """Return the bits from first to last, both included, over the year's end where last comes before first."""
    if first > last:
        return _span(first, 1231) | _span(101, last)
    return (1 << (last + 1)) - (1 << first) & _YEAR


@dataclass(frozen=True, slots=True, init=False)
class DateSet:
    """Ranges of days, looked up at a cost that hardly grows with their number.

    Attributes:
        ranges: in the order given.
        firsts: where the ranges of one year begin, sorted, overlapping ones as one; YYYYMMDD.
        lasts: where each of them ends.
        yearly: the days of every year, bit MMDD for each.
    """

    ranges: tuple[DateRange, ...]
    firsts: tuple[int, ...] = field(repr=False, compare=False)
    lasts: tuple[int, ...] = field(repr=False, compare=False)
    yearly: int = field(repr=False, compare=False)

    def __init__(self, ranges: tuple[DateRange, ...] = ()) -> None:
        once = _merged([(one.first, one.last) for one in ranges if not one.yearly])
        object.__setattr__(self, "ranges", ranges)
        object.__setattr__(self, "firsts", tuple(first for first, _ in once))
        object.__setattr__(self, "lasts", tuple(last for _, last in once))
        object.__setattr__(self, "yearly", _days_of(ranges))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[DateRange]:
        return iter(self.ranges)

    def contains(self, day: date) -> bool:
        """Tell whether a day lies in any of the ranges."""
        if self.yearly >> (day.month * 100 + day.day) & 1:
            return True
        place = day.year * 10_000 + day.month * 100 + day.day
        before = bisect_right(self.firsts, place)
        return before > 0 and place <= self.lasts[before - 1]

    def within(self, other: "DateSet") -> bool:
        """Tell whether every day of these is one of the other's too; False where that is not plain to see."""
        if self.yearly & ~other.yearly:
            return False
        return all(other.holds(first, last) for first, last in zip(self.firsts, self.lasts, strict=True))

    def holds(self, first: int, last: int) -> bool:
        """Tell whether all days between two of YYYYMMDD are in here; False where that is not plain to see."""
        before = bisect_right(self.firsts, first)
        if before > 0 and last <= self.lasts[before - 1]:
            return True
        return first // 10_000 == last // 10_000 and not _span(first % 10_000, last % 10_000) & ~self.yearly


NO_DATES = DateSet()
