"""A call worker's part in prompts: it takes what lies in their folder into memory, and tells what calls wanted.

The folder's book is read in the loader's thread, when the background process says that it has changed; a call reads
memory alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from fallbackrouter.config.prompts import prompt_folder, prompt_naming
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.prompts.ledger import load_paths
from fallbackrouter.prompts.shelf import Shelf

TELL_S = 1.0
"""How soon what a call wanted is told: the next call is to hear it."""
InThread = Callable[[Callable[[], dict[str, str]]], Awaitable[dict[str, str]]]


class WorkerPrompts:
    """Keeps a shelf filled.

    Args:
        folder: `prompts.dir`, absolute.
        in_thread: does what may stall.
    """

    def __init__(self, folder: Path, shelf: Shelf, in_thread: InThread) -> None:
        self.shelf = shelf
        self._folder = folder
        self._in_thread = in_thread
        self._telling: asyncio.Task[None] | None = None

    @classmethod
    def where_wanted(cls, settings: Settings, *, base: Path, in_thread: InThread) -> "WorkerPrompts | None":
        """Return it, None where no prompts are kept."""
        folder = prompt_folder(settings, base)
        return None if folder is None else cls(folder, Shelf(prompt_naming(settings)), in_thread)

    async def take(self) -> int:
        """Take what lies in the folder now, and return how many prompts that are."""
        self.shelf.swap(await self._in_thread(lambda: load_paths(self._folder)))
        return len(self.shelf)

    def share(self, tell: Callable[[Message], None]) -> None:
        """Tell from now on what calls wanted and used."""
        self._telling = asyncio.create_task(self._tell(tell), name="prompts")

    async def _tell(self, tell: Callable[[Message], None]) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            wanted, used = self.shelf.take_news()
            if wanted or used:
                tell({"wanted": [msgspec.to_builtins(prompt) for prompt in wanted], "used": used})

    def close(self) -> None:
        """Tell no more."""
        if self._telling is not None:
            self._telling.cancel()
