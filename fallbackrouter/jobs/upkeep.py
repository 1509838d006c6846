"""Has the journal kept in bounds, a step at a time, for as long as the service runs.

Its rules: a pause behind each step is ten times as long as the step held other writers up, so calls' records lose at
most a tenth of the journal's time to it; a fault is logged once and again when it is over, and changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

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

InThread = Callable[[Callable[[], bool]], Awaitable[bool]]
"""Runs what may stall in a thread of its own."""


class UpkeepJob:
    """The upkeep of the journal, in a loop.

    Args:
        in_thread: runs each step; one at a time.

    Attributes:
        reason: why the journal cannot be kept in bounds, "" where it can.
    """

    def __init__(self, upkeep: Upkeep, in_thread: InThread, look_s: float = LOOK_S) -> None:
        self._upkeep = upkeep
        self._in_thread = in_thread
        self._look_s = look_s
        self.reason = ""

    async def run(self) -> None:
        """Go on until cancelled; no fault of the disk ends it."""
        while True:
            pause_s = await self.turn()
            await asyncio.sleep(pause_s)

    async def turn(self) -> float:
        """Do what is to be done next, and return how many seconds to wait then."""
        try:
            worked = await self._in_thread(self._step)
        except StoreError as error:
            if not self.reason:
                log.warning("the journal cannot be kept in bounds", reason=str(error))
            self.reason = str(error)
            return FAULT_S
        if self.reason:
            log.info("the journal is kept in bounds again")
        self.reason = ""
        return max(_LEAST_PAUSE_S, self._upkeep.latest_ms / 1000 * _PAUSE) if worked else self._look_s

    def _step(self) -> bool:
        self._upkeep.carry_over()
        return self._upkeep.step()
