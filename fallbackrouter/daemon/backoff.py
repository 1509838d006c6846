"""How long to wait before a child is started again: longer each time, from the start again after a healthy life."""


class Backoff:
    """Counts failures.

    Args:
        first_s: the wait after the first failure; it doubles.
        most_s: the longest wait.
        healthy_s: who lived so long starts from `first_s` again.
    """

    def __init__(self, first_s: float = 0.1, most_s: float = 10.0, healthy_s: float = 60.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._healthy_s = healthy_s
        self._next_s = first_s

    def after(self, lived_s: float) -> float:
        """Return the seconds to wait after a child that lived so long."""
        if lived_s >= self._healthy_s:
            self._next_s = self._first_s
        wait_s = self._next_s
        self._next_s = min(self._next_s * 2, self._most_s)
        return wait_s
