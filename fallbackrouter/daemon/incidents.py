"""Changes of state on their way to the journal: the parent sees them, the background process puts them on record."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from fallbackrouter.clock import Clock
from fallbackrouter.daemon.child import Child

if TYPE_CHECKING:
    from fallbackrouter.control.lines import Message

MAX_WAITING = 200
"""Of more that wait for a background process, the oldest are in the log alone."""


class Incidents:
    """Keeps them until there is somebody who can put them on record.

    Args:
        background: returns the background process, None where there is none at this moment.
    """

    def __init__(self, background: Callable[[], Child | None], clock: Clock) -> None:
        self._background = background
        self._clock = clock
        self._waiting: deque[Message] = deque(maxlen=MAX_WAITING)

    def record(self, part: str, state: str, reason: str) -> None:
        """Have a change of state kept in the journal, as soon as there is a background process that can."""
        at_ms = round(self._clock.now_at().timestamp() * 1000)
        self._waiting.append({"do": "incident", "part": part, "state": state, "reason": reason, "at_ms": at_ms})
        self.tell()

    def tell(self) -> None:
        """Tell a background process that is ready everything that waits."""
        child = self._background()
        if child is not None and child.ready:
            while self._waiting:
                child.tell(self._waiting.popleft())
