"""What waits for the journal's writer: filled by the loop, emptied by the thread, without a lock that either waits on.

Its rules: what calls wait for is bounded by the loop itself, as the thread may hang in the disk; of what nobody waits
for, the oldest falls out.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
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
    """The queue that wakes the thread, and beside it what can wait until the thread is awake anyway."""

    def __init__(self) -> None:
        self.now: SimpleQueue[Item] = SimpleQueue()
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
    def pending(self) -> int:
        """How many decisions and events are not recorded."""
        return self.now.qsize() + len(self.in_hand)

    def oldest(self) -> Item | None:
        """Take the oldest thing that the thread has not taken yet, None where there is none."""
        try:
            return self.now.get_nowait()
        except Empty:
            return None

    def next(self, within_s: float) -> Item | None:
        """Wait for the next thing; None where none came in time. For the thread."""
        try:
            return self.now.get(timeout=within_s)
        except Empty:
            return None


def drain(waiting: deque[T], limit: int) -> list[T]:
    """Take up to this many of what waits, oldest first."""
    return list(_taken(waiting, limit))


def _taken(waiting: deque[T], limit: int) -> Iterator[T]:
    for _ in range(limit):
        try:
            yield waiting.popleft()
        except IndexError:
            return
