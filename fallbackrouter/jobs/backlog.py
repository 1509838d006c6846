"""Keeps count of the events that wait, and ends those that nobody could be told of for too long."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.jobs.delivery import InThread
from fallbackrouter.store.outbox import Backlog, Outbox

COUNT_S = 2.0
EXPIRE_EACH = 500
"""So many at a time, so that no writer waits for long."""
EXPIRED = "older than events.ttl_s, and could not be delivered"


class BacklogWatch:
    """Looks from time to time; `run` it in a task.

    Args:
        ttl_s: how old an event may become.
        idle: tells whether events are not being delivered; only then are they ended without a last try.
        on_trouble: is told why the journal cannot be used, "" once it can.

    Attributes:
        latest: as it was counted last, None before the first time.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        ttl_s: float,
        idle: Callable[[], bool],
        clock: Clock,
        in_thread: InThread,
        on_trouble: Callable[[str], None],
    ) -> None:
        self._outbox = outbox
        self._ttl_s = ttl_s
        self._idle = idle
        self._clock = clock
        self._in_thread = in_thread
        self._on_trouble = on_trouble
        self.latest: Backlog | None = None

    async def run(self) -> None:
        """Count for ever."""
        while True:
            try:
                self.latest = await self._in_thread(self._outbox.backlog)
                ended = await self._end_old(self._clock.now_at())
                self._on_trouble("")
            except StoreError as error:
                ended = 0
                self._on_trouble(str(error))
            await asyncio.sleep(0.1 if ended == EXPIRE_EACH else COUNT_S)

    async def _end_old(self, now_at: datetime) -> int:
        backlog = self.latest
        before = now_at - timedelta(seconds=self._ttl_s)
        if backlog is None or backlog.oldest_at is None or backlog.oldest_at >= before or not self._idle():
            return 0
        ended: int = await self._in_thread(partial(self._outbox.expire, before, now_at, EXPIRED, EXPIRE_EACH))
        return ended
