"""Keeps count of the events that wait, and looks after those that nothing else would move.

Its rules:

- while events are not being delivered, those older than their time to live are ended without a last try;
- a clock that was put back would leave events due far in the future: they are due at once then. None is ever due later
  than `FURTHEST`, whatever the clock did while nobody looked.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.receipt import MAX_RETRY_AFTER_S
from fallbackrouter.jobs.delivery import InThread
from fallbackrouter.store.outbox import BEHIND_MS, Backlog, Outbox

COUNT_S = 2.0
EACH = 500
"""So many at a time, so that no writer waits for long."""
AT_ONCE_S = 0.1
"""The rest where there are more."""
EXPIRED = "older than events.ttl_s, and could not be delivered"
TIME_TO_TRY = timedelta(hours=1)
"""How long an event, also one that a person wants tried again, has to be due before it is ended without a try."""
PUT_BACK = timedelta(seconds=5)
"""A clock that lost more than this against the monotonic one was put back."""
FURTHEST = timedelta(seconds=MAX_RETRY_AFTER_S + 60, milliseconds=BEHIND_MS)
"""The furthest that an event is due in: a CRM's `Retry-After` for the first of its call, and it behind that one."""


class BacklogWatch:
    """Looks from time to time; `run` it in a task.

    Args:
        ttl_s: how old an event may become.
        idle: tells whether events are not being delivered.
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
        self._began = self._clock_began()
        self.latest: Backlog | None = None

    def _clock_began(self) -> datetime:
        """Return when the monotonic clock was at 0, by the calendar: the same moment until the calendar jumps."""
        return self._clock.now_at() - timedelta(seconds=self._clock.now_s())

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                moved = await self.look()
                self._on_trouble("")
            except StoreError as error:
                moved = 0
                self._on_trouble(str(error))
            await asyncio.sleep(AT_ONCE_S if moved >= EACH else COUNT_S)

    async def look(self) -> int:
        """Count, and move what nothing else would; return how many were moved, `EACH` or more where there are more.

        Raises:
            StoreError: the journal cannot be used.
        """
        self.latest = await self._in_thread(self._outbox.backlog)
        return max(await self._hasten(self._clock.now_at()), await self._end_old(self._clock.now_at()))

    async def _hasten(self, now_at: datetime) -> int:
        began = self._clock_began()
        later_than = now_at if began < self._began - PUT_BACK else now_at + FURTHEST
        moved: int = await self._in_thread(partial(self._outbox.hasten, later_than, now_at, EACH))
        if moved < EACH:
            self._began = began
        return moved

    async def _end_old(self, now_at: datetime) -> int:
        backlog = self.latest
        before = now_at - timedelta(seconds=self._ttl_s)
        if backlog is None or backlog.oldest_at is None or backlog.oldest_at >= before or not self._idle():
            return 0
        expire = partial(self._outbox.expire, before, now_at, EXPIRED, EACH, now_at - TIME_TO_TRY)
        ended: int = await self._in_thread(expire)
        return ended
