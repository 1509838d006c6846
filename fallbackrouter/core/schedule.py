"""GotoIfTime windows: which moments they contain.

A window is `times,weekdays,mdays,months` in GotoIfTime's own syntax and with its meaning (main/pbx_timing.c):

- fields missing at the end, empty ones and `*` mean always; `&` joins several;
- ranges wrap (`22:00-06:00`, `fri-mon`, `28-3`, `nov-feb`) and hold both their ends, the end minute to its last second;
- the weekday and the dates are those of the moment: `22:00-06:00,fri` holds on Friday before six and after ten, and not
  in Saturday's small hours;
- names are told apart by three letters in either case; as numbers, weekdays count from 1 = Sunday and months from 1.

A window looks at civil time. Where the clock is put forward, the minutes left out never come; where it is put back, the
minutes that come twice are both inside or both outside.

What GotoIfTime would silently never match, or read otherwise than it looks, is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from fallbackrouter.core.errors import ScheduleError

MAX_WINDOW_CHARS = 256
"""Longer windows are refused: every day of a month with a comfortable list of times is shorter."""

_MINUTES = 24 * 60
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_NUMBER = re.compile(r"[0-9]{1,2}")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Window:
    """A window in GotoIfTime's own syntax; made by `parse_window`.

    Attributes:
        text: as it was written.
        minutes: bit n is minute n of the day.
        weekdays: bit 0 is Sunday.
        mdays: bit 0 is the 1st.
        months: bit 0 is January.
    """

    text: str
    minutes: int = field(repr=False, compare=False)
    weekdays: int = field(repr=False, compare=False)
    mdays: int = field(repr=False, compare=False)
    months: int = field(repr=False, compare=False)

    def contains(self, local: datetime) -> bool:
        """Tell whether a moment lies in the window.

        Args:
            local: the moment as the clock on the wall shows it, in the window's zone.
        """
        return bool(
            self.months >> (local.month - 1)
            & self.mdays >> (local.day - 1)
            & self.weekdays >> (local.isoweekday() % 7)
            & self.minutes >> (local.hour * 60 + local.minute)
            & 1
        )


def parse_window(text: str) -> Window:
    """Read a window.

    Raises:
        ScheduleError: GotoIfTime would never match it or misread it. The text is "reason; remedy".
    """
    _check_text(text)
    times, weekdays, mdays, months = _fields(text)
    window = Window(
        text,
        minutes=_mask(times, _MINUTES, _minute),
        weekdays=_mask(weekdays, 7, _weekday),
        mdays=_mask(mdays, 31, _mday),
        months=_mask(months, 12, _month),
    )
    if not can_come(window.mdays, window.months):
        raise ScheduleError(f"no month of `{months}` has a day `{mdays}`; correct the third or the fourth field")
    return window


def can_come(mdays: int, months: int) -> bool:
    """Tell whether any of these months (bits, 0 is January) has any of these days (bits, 0 is the 1st)."""
    return any(months >> month & 1 and mdays & _days(last) for month, last in enumerate(_LONGEST_MONTHS))


def _check_text(text: str) -> None:
    if not text:
        raise ScheduleError("the window is empty; write `*` for always, or leave `when` out")
    if len(text) > MAX_WINDOW_CHARS:
        raise ScheduleError(f"a window has at most {MAX_WINDOW_CHARS} characters; make it a list of windows")
    if any(char.isspace() for char in text):
        raise ScheduleError("a blank breaks a window in GotoIfTime; take the blanks out")
    if "|" in text:
        raise ScheduleError("`|` parts the fields in old Asterisks only; write commas")


def _fields(text: str) -> list[str]:
    fields = text.split(",")
    if len(fields) == _FIELDS + 1:
        raise ScheduleError("the fifth field is a time zone; take it out and write it under `timezone`")
    if len(fields) > _FIELDS:
        raise ScheduleError("a window has four fields; write times,weekdays,days of the month,months")
    return fields + ["*"] * (_FIELDS - len(fields))


def _days(last: int) -> int:
    return (1 << last) - 1


def _mask(text: str, size: int, read: Callable[[str], int]) -> int:
    """Return a field's members as bits.

    Args:
        size: how many values the field has; ranges wrap there.
        read: one value's text -> its bit, or a ScheduleError.
    """
    if text in ("", "*"):
        return (1 << size) - 1
    mask = 0
    for part in text.split("&"):
        _check_part(part)
        first, dash, last = part.partition("-")
        mask |= _range(read(first), read(last) if dash else read(first), size)
    return mask


def _check_part(part: str) -> None:
    if not all(part.split("-")):
        raise ScheduleError("a `-` or `&` has nothing beside it; write what is missing, or take it out")
    if "*" in part:
        raise ScheduleError("`*` stands alone in its field; leave out the rest of the field, or the `*`")
    if part.count("-") > 1:
        raise ScheduleError(f"`{part}` has more than two ends; join several ranges by `&`")


def _range(first: int, last: int, size: int) -> int:
    """Return the bits from first to last, both included, over the end where last comes before first."""
    count = (last - first) % size + 1
    bits = ((1 << count) - 1) << first
    return (bits | bits >> size) & ((1 << size) - 1)


def _minute(text: str) -> int:
    time = _TIME.fullmatch(text)
    if not time:
        raise ScheduleError(f"`{text}` is no time of day; write hours and minutes, as in 09:00-18:00")
    hour, minute = int(time[1]), int(time[2])
    if (hour, minute) == (24, 0):
        raise ScheduleError(
            "GotoIfTime has no 24:00 and would never match; write 23:59 for the end, 00:00 for the start"
        )
    if hour > 23 or minute > 59:  # noqa: PLR2004 - the clock's own bounds
        raise ScheduleError(f"`{text}` is on no clock; write a time from 00:00 to 23:59")
    return hour * 60 + minute


def _weekday(text: str) -> int:
    return _named(text, _WEEKDAYS, "weekday", "sun, mon, tue, wed, thu, fri, sat or 1 (Sunday) to 7")


def _month(text: str) -> int:
    return _named(text, _MONTHS, "month", "jan to dec or 1 to 12")


def _mday(text: str) -> int:
    return _named(text, (), "day of the month", "1 to 31", 31)


def _named(text: str, names: tuple[str, ...], what: str, allowed: str, size: int = 0) -> int:
    """Return a value's place, from 0, by its name or by its number from 1."""
    name = text.lower()
    if name in names:
        return names.index(name)
    if _NUMBER.fullmatch(text) and 1 <= int(text) <= (size or len(names)):
        return int(text) - 1
    if name[:3] in names:
        raise ScheduleError(f"GotoIfTime does not know the {what} `{text}`; write `{name[:3]}`")
    raise ScheduleError(f"`{text}` is no {what}; write {allowed}")
