"""How much of a call's time is left."""

from msgspec import Struct


class Deadline(Struct, frozen=True):
    """A moment on the monotonic clock, in seconds, by which the answer has to be on its way."""

    at_s: float

    @classmethod
    def after(cls, started_s: float, budget_ms: float) -> "Deadline":
        """Return the deadline of something that started then and may take that long."""
        return cls(started_s + budget_ms / 1000)

    def left_s(self, now_s: float) -> float:
        """Return the seconds that are left, never below 0."""
        return max(0.0, self.at_s - now_s)
