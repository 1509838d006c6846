"""What is told to all who watch, read once for them all.

Its rules:

- nothing is read while nobody watches;
- a reader is never waited for: whoever takes too little loses what is oldest, and is told how much;
- what goes wrong with one reading is logged, and the next is tried.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from fallbackrouter.admin.pages.words import Words
from fallbackrouter.admin.threads import CrowdedError
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.log import get_log

Event = tuple[str, str]
"""The name of a server-sent event, and its data."""


class Told(Protocol):
    """Something that is told to everybody, in each one's language."""

    @property
    def count(self) -> int:
        """Return how much this is, which is told of where it is lost."""
        ...

    def events(self, words: Words, behind: int) -> Sequence[Event]:
        """Return it in a language.

        Args:
            behind: the place in the journal that the reader's page goes up to; 0 where that does not matter.
        """
        ...


Read = Callable[[], Awaitable[Told | None]]


class Viewer:
    """What one reader has yet to take.

    Args:
        most: how much is held for it.
    """

    def __init__(self, most: int) -> None:
        self._held: deque[Told] = deque()
        self._most = most
        self._lost = 0
        self._some = asyncio.Event()

    def put(self, told: Told) -> None:
        """Hold something for the reader; the oldest goes where there is too much."""
        self._held.append(told)
        while len(self._held) > self._most:
            self._lost += self._held.popleft().count
        self._some.set()

    async def some(self) -> None:
        """Wait until there is something."""
        await self._some.wait()

    def take(self) -> tuple[list[Told], int]:
        """Return what is held, and how much was lost before it."""
        held, lost = list(self._held), self._lost
        self._held.clear()
        self._lost = 0
        self._some.clear()
        return held, lost


class Feed:
    """Reads as long as anybody watches.

    Args:
        name: for the log.
        read: returns what is new, None for nothing.
        every_s: how long it waits between two readings.
        most: how much is held for each reader.
        greet: returns what one who joins later has missed, None for nothing.
    """

    def __init__(
        self, name: str, read: Read, *, every_s: float, most: int, greet: Callable[[], Told | None] = lambda: None
    ) -> None:
        self._name = name
        self._read = read
        self._every_s = every_s
        self._most = most
        self._greet = greet
        self._viewers: set[Viewer] = set()
        self._reading: asyncio.Task[None] | None = None

    def join(self) -> Viewer:
        """Let one more watch."""
        viewer = Viewer(self._most)
        missed = self._greet()
        if missed is not None:
            viewer.put(missed)
        self._viewers.add(viewer)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._run(), name=f"read for {self._name}")
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Let one watch no longer; with the last one the reading ends."""
        self._viewers.discard(viewer)
        if not self._viewers and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _run(self) -> None:
        while True:
            told = await self._one()
            if told is not None:
                for viewer in self._viewers:
                    viewer.put(told)
            await asyncio.sleep(self._every_s)

    async def _one(self) -> Told | None:
        try:
            return await self._read()
        except (FallbackrouterError, CrowdedError) as error:
            get_log("admin").warning("a page's live data could not be read", page=self._name, reason=str(error))
        except Exception:  # noqa: BLE001 - whoever watches goes on watching, and our own mistake is in the log
            get_log("admin").exception("a page's live data failed in our own code", page=self._name)
        return None
