"""Random GotoIfTime windows, with moments that are worth asking about.

An Asterisk knows only the present. So each moment gets a time zone of its own, a file with nothing but an offset, in
which it is that moment right now.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MOMENTS_A_WINDOW = 8
FIRST_AT = datetime(2000, 1, 1, tzinfo=UTC)
DAYS = 365 * 37
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SOUP = "0123456789:-&*,monfri"


@dataclass(frozen=True)
class Case:
    """A window, and a moment as the clock on the wall shows it."""

    window: str
    local: datetime


def zone_file(offset_s: int) -> bytes:
    """Return a time zone that is always that far from UTC (RFC 8536, version 1)."""
    header = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    return header + struct.pack(">lbB", offset_s, 0, 0) + b"FAR\0"


def _minute(rng: random.Random) -> str:
    hour = rng.choice((0, 6, 9, 18, 23, rng.randrange(24)))
    minute = rng.choice((0, 0, 30, 59, rng.randrange(60)))
    return f"{hour:02}:{minute:02}" if rng.random() < 0.8 else f"{hour}:{minute:02}"


def _part(rng: random.Random, names: tuple[str, ...], size: int) -> str:
    """Return a weekday, a day or a month, or a range of them, by names or numbers, in any case of letters."""

    def one() -> str:
        place = rng.randrange(size)
        if names and rng.random() < 0.7:
            return rng.choice((names[place], names[place].title(), names[place].upper()))
        return str(place + 1)

    return f"{one()}-{one()}" if rng.random() < 0.6 else one()


def _field(rng: random.Random, names: tuple[str, ...], size: int) -> str:
    if rng.random() < 0.45:
        return rng.choice(("*", "*", "*", ""))
    return "&".join(_part(rng, names, size) for _ in range(rng.choice((1, 1, 2, 3))))


def make_window(rng: random.Random) -> str:
    """Return a well-made window of one to four fields."""
    ranges = (f"{_minute(rng)}-{_minute(rng)}" for _ in range(rng.choice((1, 1, 2))))
    times = "&".join(ranges) if rng.random() < 0.8 else rng.choice(("*", _minute(rng)))
    fields = [times, _field(rng, WEEKDAYS, 7), _field(rng, (), 31), _field(rng, MONTHS, 12)]
    return ",".join(fields[: rng.choice((2, 4, 4, 4))])


def spoil(rng: random.Random, window: str) -> str:
    """Return a window with a few characters changed: mostly refused, and a test of what is not."""
    chars = list(window)
    for _ in range(rng.randint(1, 2)):
        place = rng.randrange(len(chars))
        chars[place] = rng.choice(("", chars[place] * 2, *_SOUP))
    return "".join(chars)


def _minutes_named(window: str) -> list[int]:
    texts = window.partition(",")[0].replace("&", "-").split("-")
    return [int(text.partition(":")[0]) * 60 + int(text.partition(":")[2]) for text in texts if text.count(":") == 1]


def moments(rng: random.Random, window: str) -> Iterator[datetime]:
    """Return moments: half of them within a minute of an end of one of the window's times."""
    ends = [minute for minute in _minutes_named(window) if minute < 24 * 60]
    for _ in range(MOMENTS_A_WINDOW):
        day = FIRST_AT + timedelta(days=rng.randrange(DAYS))
        at_an_end = rng.choice(ends) + rng.choice((-1, 0, 1)) if ends and rng.random() < 0.5 else rng.randrange(24 * 60)
        yield day + timedelta(minutes=at_an_end % (24 * 60))
