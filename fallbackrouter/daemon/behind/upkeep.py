"""The duty of keeping the journal in bounds: retention, hidden numbers, the write-ahead log."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from fallbackrouter.config.settings import Journal
from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.jobs.upkeep import UpkeepJob
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.masking import hiding
from fallbackrouter.store.steps import Steps
from fallbackrouter.store.upkeep import Bounds, Upkeep
from fallbackrouter.store.veiling import Veiling

_MIB = 1_048_576

T = TypeVar("T")


class JournalUpkeep:
    """Keeps journal.db in the bounds that `[journal]` sets."""

    def __init__(self, inside: Inside) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="upkeep")
        self._upkeep = Upkeep(
            inside.journal_path, bounds_of(inside.settings.journal), inside.clock, veiling=_veiling(inside)
        )
        self._job = UpkeepJob(self._upkeep, self._in_thread)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._job.run(), name="upkeep")

    async def close(self) -> None:
        """End; a step that is under way is not waited for, and is undone or done as a whole."""
        if self._running:
            self._running.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell what was deleted and hidden, the longest that it held other writers up, and how much room there is."""
        return {
            "upkeep": {**self._upkeep.facts(), "reason": self._job.reason},
            "disk_free_bytes": self._upkeep.disk_free_bytes,
        }

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def bounds_of(journal: Journal) -> Bounds:
    """Return the bounds that the configuration sets; 0 is none."""
    return Bounds(
        keep=_days(journal.keep_days),
        max_bytes=int(journal.max_mb * _MIB) or None,
        hide_after=_days(journal.mask_after_days),
        min_free_bytes=int(journal.min_free_mb * _MIB),
    )


def _days(days: float) -> timedelta | None:
    return timedelta(days=days) if days else None


def _veiling(inside: Inside) -> Callable[[Steps], Veiling]:
    settings = inside.settings

    def make(steps: Steps) -> Veiling:
        hide = hiding(settings.journal.mask, inside.journal_path.parent)
        return Veiling(hide, Numbering(settings.numbers.region).read, steps)

    return make
