"""Looks for recordings in a thread of its own, so that a disk that hangs holds up no event for long."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from fallbackrouter.jobs.recordings import Recordings, Seen

LOOK_S = 3.0
"""How long one look is waited for; while one hangs, no other is begun."""
HANGS = "cannot be looked for: its disk hangs"


class RecordingsLook:
    """Looks, within a deadline.

    Args:
        look_s: the deadline.
    """

    def __init__(self, recordings: Recordings, look_s: float = LOOK_S) -> None:
        self._recordings = recordings
        self._look_s = look_s
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self._late: set[asyncio.Future[Seen]] = set()

    async def look(self, told: str, known: Mapping[str, str], age_s: float, at: datetime) -> Seen:
        """Look a path up, as `Recordings.look` does; never takes long."""
        look = partial(self._recordings.look, told, known, age_s, at)
        if not self._recordings.looks:
            return look()
        if self._late:
            return self._recordings.unseen(HANGS, age_s)
        looking = asyncio.get_running_loop().run_in_executor(self._threads, look)
        await asyncio.wait({looking}, timeout=self._look_s)
        if looking.done():
            return looking.result()
        self._late.add(looking)
        looking.add_done_callback(self._late.discard)
        return self._recordings.unseen(HANGS, age_s)

    def close(self) -> None:
        """End; a look that hangs is left behind."""
        self._threads.shutdown(wait=False, cancel_futures=True)
