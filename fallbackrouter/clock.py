"""The only reader of clocks, and what comes from them: moments, ids ordered by time, time zones."""

import os
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from random import Random
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = "/etc/localtime"
"""The machine's zone: a link into the zones' folder on most machines, a copy of the file on some."""


class Clock(Protocol):
    """What tells the time; the fake of the tests ships beside the real one."""

    def now_s(self) -> float:
        """Return seconds on a monotonic clock."""
        ...

    def now_at(self) -> datetime:
        """Return the moment, UTC and aware."""
        ...

    def new_id(self) -> str:
        """Return a UUIDv7: globally unique, and ordered by time within this process."""
        ...


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._in_ms = 0
        # Seeded by the system once: asking it for every id gives the interpreter lock away in the middle of a call.
        self._random_bits = Random(os.urandom(32)).getrandbits  # noqa: S311 - an id is unique, not secret

    def now_s(self) -> float:
        """Return seconds on a monotonic clock."""
        return time.monotonic()  # noqa: TID251 - this is the clocks' one home

    def now_at(self) -> datetime:
        """Return the moment, UTC and aware."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clocks' one home

    def new_id(self) -> str:
        """Return a UUIDv7 (RFC 9562, 5.7; the 12 bits of rand_a count within a millisecond, method 1).

        A clock that jumps back keeps the order of ids: the last millisecond is held until it is reached again.
        """
        now_ms = time.time_ns() // 1_000_000  # noqa: TID251 - this is the clocks' one home
        if now_ms > self._last_ms:
            self._last_ms, self._in_ms = now_ms, 0
        else:
            self._in_ms += 1
            if self._in_ms > 0xFFF:  # noqa: PLR2004 - rand_a has 12 bits
                self._last_ms, self._in_ms = self._last_ms + 1, 0
        ms, bits = self._last_ms, self._random_bits(62)
        moment = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{self._in_ms:03x}"
        return f"{moment}-{0x8000 | bits >> 48:04x}-{bits & 0xFFFFFFFFFFFF:012x}"


def load_zone(name: str) -> tzinfo | None:
    """Return a time zone by its IANA name, the machine's for "", None where there is no such zone."""
    try:
        return ZoneInfo(name) if name else _local_zone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _local_zone() -> tzinfo:
    """Return the machine's zone with its rules for the whole year, not just today's offset; UTC where it has none."""
    name = os.environ.get("TZ", "").removeprefix(":")
    file = Path(os.path.realpath(name if name.startswith("/") else LOCALTIME))
    if not name or name.startswith("/"):
        name = str(file).partition("zoneinfo/")[2]
    try:
        if name:
            return ZoneInfo(name)
        with file.open("rb") as rules:
            return ZoneInfo.from_file(rules, key=file.name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
