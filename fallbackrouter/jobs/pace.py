"""So many events a second, and not more: an even pace with room for a small burst."""

BURST_S = 0.1
"""What was not used of the last so many seconds may be caught up on."""
_HAIR = 1e-6
"""What floating point may lose on the way to a whole send."""


class Pace:
    """Counts sends against a rate.

    Args:
        rate: sends a second; 0: any number.
    """

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST_S)
        self._left = self._most
        self._at_s = now_s

    def room(self, now_s: float, most: int) -> int:
        """Return how many may be sent now, at most `most`."""
        if not self._rate:
            return most
        self._left = min(self._most, self._left + max(0.0, now_s - self._at_s) * self._rate)
        self._at_s = now_s
        return min(most, int(self._left + _HAIR))

    def sent(self, count: int) -> None:
        """Take so many sends off what `room` said."""
        if self._rate:
            self._left -= count

    def rest_s(self) -> float:
        """Return the seconds, counted from the last `room`, until one may be sent."""
        return max(0.0, (1.0 - self._left) / self._rate) if self._rate else 0.0
