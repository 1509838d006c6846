"""What waits for the journal's writer: filled by the loop, emptied by the thread, without a lock that either waits on.

Its rules: what calls wait for is bounded by the loop itself, as the thread may hang in the disk; of what nobody waits
for, the oldest falls out.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.store.remembered import Change, RememberedEntry

if TYPE_CHECKING:
    from fallbackrouter.store.rows import Row

MAX_LATER = 20_000
"""The most times, changes or incidents that wait."""
T = TypeVar("T")


class Waiting(NamedTuple):
    """A decision or event, and the future that says whether it is recorded."""

    what: Decision | Event
    future: asyncio.Future[bool]


@dataclass(frozen=True, slots=True)
class Load:
    """A wish for the newest remembered answers."""

    limit: int
    future: asyncio.Future[list[RememberedEntry]]


class Stop:
    """The last thing that the thread takes: everything before it has been written."""


Item = Waiting | Load | Stop


class Inbox:
    """The queue that wakes the thread, and beside it what can wait until the thread is awake anyway.

    Waking a thread costs a system call, more than all else that a record costs the loop: whoever fills the queue wakes
    the thread once for all that came in one turn of the loop.
    """

    def __init__(self) -> None:
        self._now: deque[Item] = deque()
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self.times: deque[Row] = deque(maxlen=MAX_LATER)
        self.changes: deque[Change] = deque(maxlen=MAX_LATER)
        self.incidents: deque[Row] = deque(maxlen=MAX_LATER)
        self.in_hand: list[Waiting] = []
        """What the thread is writing; replaced whole, never changed."""

    @property
    def later(self) -> bool:
        """Tell whether anything waits that nobody waits for."""
        return bool(self.times or self.changes or self.incidents)

    @property
    def waiting(self) -> int:
        """How many things the thread has not taken yet."""
        return len(self._now)

    @property
    def pending(self) -> int:
        """How many decisions and events are not recorded."""
        return len(self._now) + len(self.in_hand)

    def oldest_at(self) -> datetime | None:
        """Return when the record that has waited longest was made, None where none waits."""
        in_hand = self.in_hand
        try:
            oldest = in_hand[0] if in_hand else self._now[0]
        except IndexError:  # the thread has just taken it
            return None
        return oldest.what.at if isinstance(oldest, Waiting) else None

    def put(self, item: Item) -> None:
        """Add something for the thread, which hears of it at the next `wake`."""
        self._now.append(item)

    def wake(self) -> None:
        """Have the thread look."""
        self._wakes.put(None)

    def oldest(self) -> Item | None:
        """Take the oldest thing that the thread has not taken yet, None where there is none."""
        try:
            return self._now.popleft()
        except IndexError:
            return None

    def next(self, within_s: float) -> Item | None:
        """Wait for the next thing; None where none came in time, or a wake was for what is taken already."""
        item = self.oldest()
        if item is not None:
            return item
        try:
            self._wakes.get(timeout=within_s)
            while True:  # what was put before any of these wakes is in the queue by now
                self._wakes.get_nowait()
        except Empty:
            return self.oldest()


def drain(waiting: deque[T], limit: int) -> list[T]:
    """Take up to this many of what waits, oldest first."""
    return list(_taken(waiting, limit))


def _taken(waiting: deque[T], limit: int) -> Iterator[T]:
    for _ in range(limit):
        try:
            yield waiting.popleft()
        except IndexError:
            return
