"""Notices that rule files were saved, once saving has come to rest; an editor saves in several steps.

What is told by is a picture of the folder: name, size and time of change of every file. When to look is told by the
system (watchfiles), and where it cannot tell, as on a network file system, by the clock.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from watchfiles import awatch

MAX_FILES = 10_000
REST_S = 0.3
"""So long has a folder to look the same."""
EVERY_S = 1.0
"""How often to look where the system tells nothing."""
SELDOM_S = 10.0
"""How often to look all the same: a folder may have been replaced, and its news with it."""

Picture = frozenset[tuple[str, int, int, int]]
"""path, inode, size, time of change (ns) of every file."""
Place = tuple[int, int] | None
"""Device and inode of the folder: one that was replaced is another. None where there is none, or none to listen in."""
Look = Callable[[Path], Awaitable[tuple[Picture, Place]]]


def picture_of(folder: Path) -> Picture:
    """Return how the files of a folder, and of those in it, look now; empty where there is none."""
    seen: set[tuple[str, int, int, int]] = set()
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                stat = path.stat()
            except OSError:
                continue  # gone between listing and looking; the next look tells
            seen.add((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns))
            if len(seen) >= MAX_FILES:
                return frozenset(seen)
    return frozenset(seen)


def look_at(folder: Path) -> tuple[Picture, Place]:
    """Return how a folder looks now, and which it is. Blocking, for as long as its file system hangs."""
    try:
        stat = folder.stat()
    except OSError:
        return frozenset(), None
    picture = picture_of(folder)
    # To listen in a folder that is no folder of rules, such as /, takes the system long: then the clock does.
    return picture, (stat.st_dev, stat.st_ino) if len(picture) < MAX_FILES else None


class Rest:
    """Tells when a changed folder has come to rest.

    Attributes:
        at_rest: the folder looked the same at the last two looks.
    """

    def __init__(self) -> None:
        self.at_rest = False
        self._last: Picture | None = None
        self._taken: Picture | None = None

    def look(self, picture: Picture) -> bool:
        """Take a look.

        Returns:
            True where the folder looks as it did the last time and has not been taken since it changed. The first
            picture counts as a change: nobody knows what was before.
        """
        self.at_rest, self._last = picture == self._last, picture
        if not self.at_rest or picture == self._taken:
            return False
        self._taken = picture
        return True


async def saved(folder: Path, look: Look) -> AsyncGenerator[None]:
    """Yield when the folder has come to rest after a change; once at the beginning too.

    Args:
        look: `look_at`, in a thread.
    """
    news, rest = News(folder), Rest()
    try:
        while True:
            picture, place = await look(folder)
            if rest.look(picture):
                yield
            if rest.at_rest:
                await news.wait(place)
            else:
                await asyncio.sleep(REST_S)
    finally:
        await news.close()


class News:
    """Wakes who waits as soon as the system tells of a change in a folder, and from time to time in any case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._place: Place = None

    async def wait(self, place: Place) -> None:
        """Return when there is something to look at, or it is time to.

        Args:
            place: which folder it is now.
        """
        heard_before = self.told and place == self._place
        self._listen(place)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), SELDOM_S if heard_before else EVERY_S)
        self._changed.clear()

    @property
    def told(self) -> bool:
        """The system tells of changes."""
        return self._listening is not None and not self._listening.done()

    async def close(self) -> None:
        """Listen no longer."""
        self._stop.set()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})

    def _listen(self, place: Place) -> None:
        if self.told and place == self._place:
            return
        if self._listening is not None and not self._listening.done():
            self._listening.cancel()
        self._place = place
        self._listening = asyncio.create_task(self._hear(), name="hear of saved rules") if place else None

    async def _hear(self) -> None:
        # What keeps the system from telling (no inotify, too many watches) is no fault: the clock does as well.
        with suppress(OSError, RuntimeError):
            async for _ in awatch(self._folder, watch_filter=None, debounce=200, step=50, stop_event=self._stop):
                self._changed.set()
