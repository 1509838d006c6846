"""Finds out, by requests of our own, whether a CRM that failed answers again: no caller's call is spent on it.

Its rules: one probe at a time, when the breaker says that it is due; each has a deadline of its own, the `live_ms`
that a call's question would have, and a little more where a connection has to be opened first.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.core.verdict import TimedOut, Unavailable, Verdict
from fallbackrouter.tiers.breaker import LiveBreaker

CONNECT_S = 0.5
"""What opening a connection may take; calls find one that is warm."""


AGAIN_S = 1.0
"""The rest after an error of our own."""


class Probed(Protocol):
    """Who is probed: the CRM's client."""

    @property
    def open_connections(self) -> int:
        """Connections that are open."""
        ...

    async def probe(self, decision_id: str, budget_ms: int) -> Verdict:
        """Find out whether the CRM answers; may hang."""
        ...


class Prober:
    """Probes while the breaker wants it; `run` it in a task.

    Args:
        live_s: what a question may take.
        on_error: is told of an error of our own.

    Attributes:
        sent: how many probes were sent.
    """

    def __init__(
        self, crm: Probed, breaker: LiveBreaker, *, live_s: float, clock: Clock, on_error: Callable[[Exception], None]
    ) -> None:
        self._crm = crm
        self._breaker = breaker
        self._live_s = live_s
        self._clock = clock
        self._on_error = on_error
        self.sent = 0

    async def run(self) -> None:
        """Probe for ever, each time that a probe is due."""
        while True:
            try:
                await self._until_due()
                asked = self._breaker.version
                self._breaker.probed(await self._probe(), asked)
            except Exception as error:  # noqa: BLE001 - without probes the breaker would stay open for ever
                self._on_error(error)
                await asyncio.sleep(AGAIN_S)

    async def _until_due(self) -> None:
        while True:
            self._breaker.stirred.clear()
            due_s = self._breaker.due_probe_s
            left_s = None if due_s is None else due_s - self._clock.now_s()
            if left_s is not None and left_s <= 0:
                return
            try:
                async with asyncio.timeout(left_s):
                    await self._breaker.stirred.wait()
            except TimeoutError:
                continue

    async def _probe(self) -> Verdict:
        self.sent += 1
        within_s = self._live_s + (0 if self._crm.open_connections else CONNECT_S)
        probing = asyncio.create_task(self._crm.probe(self._clock.new_id(), max(1, int(within_s * 1000))))
        try:
            await asyncio.wait({probing}, timeout=within_s)
        finally:
            probing.cancel()
        if not probing.done():
            return TimedOut(f"no answer within {within_s * 1000:.0f} ms")
        error = probing.exception()
        if isinstance(error, Exception):
            self._on_error(error)
            return Unavailable("probing the CRM failed in our own code; see the log")
        return probing.result()
