"""Has the journal kept in bounds, a step at a time, for as long as the service runs.

Its rules: a pause behind each step is ten times as long as the step held other writers up, so calls' records lose at
most a tenth of the journal's time to it; the write-ahead log is carried over the more often the faster it grows, as
else a call's own commit would have to, which takes milliseconds; a fault is logged once and again when it is over, and
changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from fallbackrouter.core.errors import StoreError
from fallbackrouter.log import get_log
from fallbackrouter.store.upkeep import Upkeep

log = get_log("jobs")

LOOK_S = 1.0
"""How often there is a look whether anything is to be done."""
FAULT_S = 5.0
_LEAST_PAUSE_S = 0.02
_PAUSE = 10.0
"""How many times as long as a step the pause behind it is."""

_BUSY_PAGES = 500
"""A write-ahead log that grew by so many pages since the last look is looked at again after _BUSY_PAUSE_S, else after
twice the pause before: just begun anew, it is small, and soon large again."""
_BUSY_PAUSE_S = 0.1

T = TypeVar("T")


class InThread(Protocol):
    """Runs what may stall in a thread of its own, one thing at a time."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Return what it returned, or raise what it raised."""
        ...


class UpkeepJob:
    """The upkeep of the journal, in a loop.

    Args:
        in_thread: runs each step.

    Attributes:
        reason: why the journal cannot be kept in bounds, "" where it can.
    """

    def __init__(self, upkeep: Upkeep, in_thread: InThread, look_s: float = LOOK_S) -> None:
        self._upkeep = upkeep
        self._in_thread = in_thread
        self._look_s = look_s
        self._log_pause_s = look_s
        self.reason = ""

    async def run(self) -> None:
        """Go on until cancelled; no fault of the disk ends it."""
        async with asyncio.TaskGroup() as both:
            both.create_task(_again(self.turn), name="steps of upkeep")
            both.create_task(_again(self.carry_over), name="write-ahead log")

    async def turn(self) -> float:
        """Do what is to be done next, and return how many seconds to wait then."""
        worked = await self._tried(self._upkeep.step)
        if worked is None:
            return FAULT_S
        return max(_LEAST_PAUSE_S, self._upkeep.latest_ms / 1000 * _PAUSE) if worked else self._look_s

    async def carry_over(self) -> float:
        """Carry the write-ahead log over where it has grown, and return how many seconds to wait then."""
        pages = await self._tried(self._upkeep.carry_over)
        if pages is None:
            return FAULT_S
        self._log_pause_s = _BUSY_PAUSE_S if pages >= _BUSY_PAGES else min(self._look_s, 2 * self._log_pause_s)
        return self._log_pause_s

    async def _tried(self, work: Callable[[], T]) -> T | None:
        """Run a piece of work; None where the disk is in its way."""
        try:
            done = await self._in_thread(work)
        except StoreError as error:
            if not self.reason:
                log.warning("the journal cannot be kept in bounds", reason=str(error))
            self.reason = str(error)
            return None
        if self.reason:
            log.info("the journal is kept in bounds again")
        self.reason = ""
        return done


async def _again(turn: Callable[[], Awaitable[float]]) -> None:
    while True:
        pause_s = await turn()
        await asyncio.sleep(pause_s)
