"""Tells of a fault that lasts, once when it begins and once when it is over."""

from collections.abc import Callable

_LASTS = 2
"""One failure alone is a lock that was gone at the next try."""


class Trouble:
    """One thing that may fail again and again.

    Args:
        what: what cannot be done, for the log.
        note: hears of it.

    Attributes:
        failures: in a row.
    """

    def __init__(self, what: str, note: Callable[[str], None]) -> None:
        self._what = what
        self._note = note
        self.failures = 0

    def met(self, error: Exception, more: str = "") -> None:
        """Note a failure."""
        self.failures += 1
        if self.failures == _LASTS:
            self._note(f"{self._what} fails ({error}){more}; it is tried again")

    def over(self) -> None:
        """Note a success."""
        if self.failures >= _LASTS:
            self._note(f"{self._what} works again")
        self.failures = 0
