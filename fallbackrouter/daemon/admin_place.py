"""The admin process's place: its listener and its slot. Whatever happens here, calls are served.

Its rules:

- an address that cannot be listened on is told of and tried again, and stops no service: calls come first, and the
  console's usual port is many programs' usual port;
- the listener is bound once and outlives the process, so a restart of it refuses nobody.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.daemon.listeners import Listeners, address_of, close_all, open_listeners, spelled, split
from fallbackrouter.daemon.parent_log import ParentLog
from fallbackrouter.daemon.plan import Plan
from fallbackrouter.daemon.slot import OnIncident, Slot, StartChild

KEY = "admin.listen"
NAME = "admin"
AGAIN_S = 10.0
"""How often an address that could not be listened on is tried again."""
SILENCE_S = 15.0
"""It answers no calls; it may be busy for a moment."""
LEAVE_S = 1.0

Starter = Callable[[Plan, Listeners], StartChild | None]


class AdminPlace:
    """Keeps the admin process, where one is wanted.

    Args:
        starter: returns what starts it by a plan on listeners; None where there is no such program.

    Attributes:
        slot: where it lives; None where none is wanted, or its address cannot be had.
    """

    def __init__(
        self, starter: Starter, *, clock: Clock, log: ParentLog, on_incident: OnIncident, grace_s: float
    ) -> None:
        self.slot: Slot | None = None
        self._starter = starter
        self._clock = clock
        self._log = log
        self._on_incident = on_incident
        self._grace_s = grace_s
        self._plan: Plan | None = None
        self._listeners: Listeners = {}
        self._refusal = ""
        self._tried_s = 0.0
        self._again: asyncio.Task[None] | None = None
        self._taking = asyncio.Lock()

    @property
    def addresses(self) -> list[str]:
        """Where it listens."""
        return [address_of(one) for one in self._listeners.values()]

    def adopt(self, address: str, spare: Listeners) -> None:
        """Take the socket of an address out of those that systemd handed over."""
        for name in (address, spelled(*split(address, KEY))) if address else ():
            if name in spare:
                self._listeners = {address: spare.pop(name)}
                return

    async def take(self, plan: Plan) -> None:
        """Have the process serve by a plan; never fails, and never holds calls up for long."""
        self._plan = plan
        async with self._taking:
            await self._take(plan)

    async def _take_again(self) -> None:
        async with self._taking:
            if self._plan is not None and self._refusal:
                await self._take(self._plan)

    async def _take(self, plan: Plan) -> None:
        self._tried_s = self._clock.now_s()
        wanted = (plan.admin_listen,) if plan.admin_listen else ()
        try:
            listeners = await open_listeners(wanted, self._listeners, KEY)
        except ConfigError as error:
            self._refuse(str(error))
            return
        former, self._listeners, self._refusal = self._listeners, listeners, ""
        start = self._starter(plan, listeners) if listeners else None
        if start is None:
            await self._close_slot()
        elif self.slot is None:
            self.slot = Slot(NAME, start, silence_s=SILENCE_S, log=self._log, on_incident=self._on_incident)
            self.slot.first_ready.add_done_callback(_look_at)  # no call waits for it; its ends are logged
        else:
            await self.slot.replace(start, LEAVE_S, self._grace_s)
            self.slot.start_by(start, SILENCE_S)
        close_all(one for one in former.values() if one not in listeners.values())

    def _refuse(self, sentence: str) -> None:
        if sentence != self._refusal:
            self._refusal = sentence
            self._log.error("there is no web interface; calls are served", reason=sentence, again_in_s=AGAIN_S)
            self._on_incident(NAME, "cannot listen", sentence)

    def look(self) -> None:
        """Try an address again that could not be listened on."""
        waits = self._clock.now_s() - self._tried_s < AGAIN_S or (self._again is not None and not self._again.done())
        if self._refusal and not waits:
            self._again = asyncio.create_task(self._take_again(), name="listen for admin")

    async def close(self) -> None:
        """End the process, and listen no more."""
        self._plan = None
        if self._again is not None:
            self._again.cancel()
            await asyncio.wait({self._again})
        close_all(self._listeners.values())
        self._listeners = {}
        await self._close_slot()

    async def _close_slot(self) -> None:
        slot, self.slot = self.slot, None
        if slot is not None:
            await slot.close(LEAVE_S, self._grace_s)

    def status(self) -> dict[str, Any] | None:
        """Return what is known, for the control socket; None where there is no web interface."""
        if self.slot is not None:
            return self.slot.status()
        return {"name": NAME, "state": "cannot listen", "reason": self._refusal} if self._refusal else None


def _look_at(outcome: "asyncio.Future[None]") -> None:
    if not outcome.cancelled():
        outcome.exception()
