"""Warns of windows over midnight that hold on some days only: GotoIfTime goes by the weekday of the moment.

`22:00-06:00,fri` is Friday before six and after ten; whoever meant the night to Saturday misses its small hours.
"""

from collections.abc import Iterator, Sequence

from fallbackrouter.core.schedule import Window
from fallbackrouter.core.week import DAY, MINUTES, clock, is_weekly, next_days, week_of, weekdays

_EVERY_DAY = (1 << 7) - 1


def missed_nights(windows: Sequence[Window], others: int = 0) -> Iterator[tuple[int, str, str]]:
    """Yield of a rule's windows those that miss the end of a night: which one, what is wrong, and the remedy.

    Args:
        others: the week's minutes that other rules for the same calls name; those are not missed.
    """
    week = week_of(windows) | others
    for place, window in enumerate(windows):
        for first, last in _over_midnight(window):
            days = window.weekdays
            if is_weekly(window):
                small_hours = (1 << last + 1) - 1
                missed = sum(1 << day for day in range(7) if small_hours & ~(week >> day * MINUTES & DAY))
                missed &= next_days(days)
                if missed:
                    yield place, _what(window, first, last, missed), _remedy(first, last, days)
            elif days == _EVERY_DAY and window.mdays != (1 << 31) - 1:
                what = f'"{window.text}" misses the small hours of the day after: the date is that of the moment'
                yield place, what, "write the evening and the small hours of the next day as two windows"


def _what(window: Window, first: int, last: int, missed: int) -> str:
    days = weekdays(window.weekdays)
    holds = f"it holds on {days} until {clock(last)} and from {clock(first)}"
    return f'"{window.text}" misses the small hours of {weekdays(missed)}: {holds}'


def _remedy(first: int, last: int, days: int) -> str:
    evening, morning = f"{clock(first)}-23:59,{weekdays(days)}", f"00:00-{clock(last)},{weekdays(next_days(days))}"
    return f'write "{evening}" and "{morning}" if whole nights are meant'


def _over_midnight(window: Window) -> Iterator[tuple[int, int]]:
    """Yield first and last minute of the ranges that are written over midnight."""
    for part in window.text.split(",")[0].split("&"):
        first, dash, last = part.partition("-")
        if dash and _minute(first) > _minute(last):
            yield _minute(first), _minute(last)


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
