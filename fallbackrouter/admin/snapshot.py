"""What the parent says of the service: asked once for everybody who wants to know it at the same time."""

import asyncio
from collections.abc import Callable
from typing import Any

from fallbackrouter.admin.threads import Threads
from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import ControlError

FRESH_S = 1.0
"""How old an answer may be: children tell the parent every half second, and it has better to do than to repeat it."""
WITHIN_S = 3.0

Json = dict[str, Any]
Command = Callable[[Json, float], Json]
"""Asks the running service something, within seconds; blocking; raises ControlError."""


class Snapshot:
    """Asks for the status, and for everything else.

    Args:
        command: the control socket's.
    """

    def __init__(self, command: Command, *, threads: Threads, clock: Clock) -> None:
        self._command = command
        self._threads = threads
        self._clock = clock
        self._latest: Json | None = None
        self._at_s = 0.0
        self._fresh_until_s = float("-inf")
        self._changes = 0
        self._asking: asyncio.Task[Json] | None = None

    async def latest(self) -> Json:
        """Return the status, at most `FRESH_S` old, and of after our own commands; see docs/operations.md.

        Raises:
            ControlError: the parent does not answer.
        """
        if self._latest is not None and self._clock.now_s() < self._fresh_until_s:
            return self._latest
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="ask for the status")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Json:
        changes = self._changes
        status = await self._threads.run(self._command, {"do": "status"}, WITHIN_S)
        if changes == self._changes:  # else it may be of before
            self._latest, self._at_s = status, self._clock.now_s()
            self._fresh_until_s = self._at_s + FRESH_S
        return status

    async def latest_or_none(self, old_s: float = 0.0) -> Json | None:
        """Return the status; where the parent does not answer, what it said within `old_s`, else None."""
        try:
            return await self.latest()
        except ControlError:
            return self._latest if self._clock.now_s() - self._at_s <= old_s else None

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.close()

    async def command(self, message: Json, within_s: float = WITHIN_S) -> Json:
        """Have the service do something and return its answer; raises ControlError.

        What the status said before holds no longer: who has changed something looks at once.
        """
        try:
            return await self._threads.run(self._command, message, within_s)
        finally:
            self._changes += 1
            self._fresh_until_s = float("-inf")
            self._asking = None
