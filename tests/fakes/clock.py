"""A clock that tests turn by hand."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until it is told to move; ids count up in UUIDv7's shape."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 10, 0, tzinfo=UTC), now_s: float = 1000.0) -> None:
        self.at = at
        self.s = now_s
        self._ids = 0

    def now_s(self) -> float:
        return self.s

    def now_at(self) -> datetime:
        return self.at

    def new_id(self) -> str:
        self._ids += 1
        return f"019f0000-0000-7000-8000-{self._ids:012x}"

    def move(self, seconds: float) -> None:
        """Let both the monotonic clock and the calendar go on."""
        self.s += seconds
        self.at += timedelta(seconds=seconds)
