"""A week's minutes as bits, Sunday's first minute is bit 0: what windows leave open, and how people would write it."""

from collections.abc import Iterable, Iterator

from fallbackrouter.core.schedule import Window

MINUTES = 1440
WEEK = (1 << 7 * MINUTES) - 1
DAY = (1 << MINUTES) - 1

_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FROM_MONDAY = (1, 2, 3, 4, 5, 6, 0)
_SATURDAY = 6
_EVERY_MDAY = (1 << 31) - 1
_EVERY_MONTH = (1 << 12) - 1


def is_weekly(window: Window) -> bool:
    """Tell whether a window is the same in every week of the year."""
    return window.mdays == _EVERY_MDAY and window.months == _EVERY_MONTH


def week_of(windows: Iterable[Window]) -> int:
    """Return the minutes that windows hold in every week; those for some days of a month or of a year hold in none."""
    week = 0
    for window in windows:
        if is_weekly(window):
            for day in _days(window.weekdays):
                week |= window.minutes << day * MINUTES
    return week


def stretches(week: int) -> Iterator[tuple[int, int]]:
    """Yield where each stretch of minutes begins and how long it is; one over the week's end is one."""
    if week in (0, WEEK):
        if week:
            yield 0, 7 * MINUTES
        return
    begins = week & ~((week << 1 | week >> (7 * MINUTES - 1)) & WEEK)
    while begins:
        first = (begins & -begins).bit_length() - 1
        begins &= begins - 1
        turned = week >> first | (week << (7 * MINUTES - first)) & WEEK
        yield first, (~turned & turned + 1).bit_length() - 1


def shorter(week: int, minutes: int) -> int:
    """Return of a week's stretches those that are shorter than so many minutes."""
    found = 0
    for first, length in stretches(week):
        if length < minutes:
            bits = ((1 << length) - 1) << first
            found |= bits | bits >> 7 * MINUTES
    return found & WEEK


def day_left_out(week: int) -> int:
    """Return the hours that are missing of a single day of an opening week, 0 where none is or more are.

    It is a day from Monday to Friday, with hours on all four others, or Saturday, with hours on all others and on
    Sunday; what is missing are the minutes that the days before and after have in common, else those of either.
    """
    hours = [week >> day * MINUTES & DAY for day in range(7)]
    weekdays_closed = [day for day in range(1, 6) if not hours[day]]
    closed = weekdays_closed or ([_SATURDAY] if hours[0] and not hours[_SATURDAY] else [])
    if len(closed) != 1:
        return 0
    (day,) = closed
    before, after = hours[day - 1], hours[(day + 1) % 7]
    return (before & after or before | after) << day * MINUTES


def spelled(week: int) -> list[str]:
    """Return the windows that hold exactly these minutes, in GotoIfTime's syntax, as few as are easy to read."""
    by_range: dict[tuple[int, int], int] = {}
    for day in _FROM_MONDAY:
        for hours in _ranges(week >> day * MINUTES & DAY):
            by_range[hours] = by_range.get(hours, 0) | 1 << day
    return [f"{clock(first)}-{clock(last)},{weekdays(days)}" for (first, last), days in by_range.items()]


def clock(minute: int) -> str:
    """Spell a minute of the day."""
    return f"{minute // 60:02}:{minute % 60:02}"


def weekdays(bits: int) -> str:
    """Spell weekdays, bit 0 is Sunday; Monday comes first."""
    runs: list[list[int]] = []
    for day in _FROM_MONDAY:
        if bits >> day & 1:
            if runs and (runs[-1][-1] + 1) % 7 == day:
                runs[-1].append(day)
            else:
                runs.append([day])
    return "&".join(_NAMES[run[0]] if len(run) == 1 else f"{_NAMES[run[0]]}-{_NAMES[run[-1]]}" for run in runs)


def next_days(bits: int) -> int:
    """Return the days after some weekdays."""
    return (bits << 1 | bits >> 6) & 0b1111111


def _ranges(minutes: int) -> Iterator[tuple[int, int]]:
    """Yield first and last minute of each range of a day."""
    while minutes:
        first = (minutes & -minutes).bit_length() - 1
        length = (~(minutes >> first) & (minutes >> first) + 1).bit_length() - 1
        yield first, first + length - 1
        minutes &= ~(((1 << length) - 1) << first)


def _days(bits: int) -> Iterator[int]:
    return (day for day in range(7) if bits >> day & 1)
