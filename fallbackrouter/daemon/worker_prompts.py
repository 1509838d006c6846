"""A call worker's part in prompts: it takes what lies in their folder into memory, and tells what calls wanted.

The folder's book is read in a thread of its own, when the background process says that it has changed; a call reads
memory alone, and neither the start nor rules and routes wait for a folder that stalls, on a share that is away, say.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from fallbackrouter.config.prompts import prompt_folder, prompt_naming
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.prompts.ledger import load_paths
from fallbackrouter.prompts.shelf import Shelf

TELL_S = 1.0
"""How soon what a call wanted is told: the next call is to hear it."""
TAKE_S = 1.0
"""For so long the folder is waited for; what it holds is taken whenever it has been read."""


class WorkerPrompts:
    """Keeps a shelf filled.

    Args:
        folder: `prompts.dir`, absolute.
    """

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self.shelf = shelf
        self._folder = folder
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="prompts")
        self._telling: asyncio.Task[None] | None = None

    @classmethod
    def where_wanted(cls, settings: Settings, *, base: Path) -> "WorkerPrompts | None":
        """Return it, None where no prompts are kept."""
        folder = prompt_folder(settings, base)
        return None if folder is None else cls(folder, Shelf(prompt_naming(settings)))

    async def take(self) -> int:
        """Take what lies in the folder now, at the latest when it has been read, and return how many there are."""
        reading = asyncio.get_running_loop().run_in_executor(self._threads, load_paths, self._folder)
        reading.add_done_callback(self._taken)
        await asyncio.wait({reading}, timeout=TAKE_S)
        return len(self.shelf)

    def _taken(self, reading: "asyncio.Future[dict[str, str]]") -> None:
        if not reading.cancelled():
            self.shelf.swap(reading.result())

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
        """Tell no more, and read no more; what is being read is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._telling is not None:
            self._telling.cancel()
