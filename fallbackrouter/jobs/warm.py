"""Keeps connections to the CRM warm between calls, so that a call rarely pays for TCP and TLS.

Its rules: each round opens or uses `CONNECTIONS` of them at once and comes well within the time that an idle one is
kept, at an uneven pace; nothing is opened to a CRM whose breaker is open; a CRM that does not take it is tried later
and later. It is no question, and no breaker hears of it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

CONNECTIONS = 2
"""Two, so that two calls at once both find one; more calls than that keep their connections warm by themselves."""
WITHIN_S = 1.0
"""The most that a round may take."""
LEAST_S, MOST_S = 0.2, 60.0
"""The shortest and the longest pause between two rounds."""


class Warmer:
    """Sends a round of requests that mean nothing, again and again; `run` it in a task.

    Args:
        warm: sends one, and returns "" or why it failed; may hang.
        wanted: tells whether connections are wanted now.
        keepalive_s: how long an idle connection is kept; above 0.
        chance: draws evenly from 0 up to below 1.
    """

    def __init__(
        self,
        warm: Callable[[], Coroutine[Any, Any, str]],
        wanted: Callable[[], bool],
        *,
        keepalive_s: float,
        chance: Callable[[], float],
    ) -> None:
        self._warm = warm
        self._wanted = wanted
        self._keepalive_s = keepalive_s
        self._chance = chance
        self._failed = 0

    async def run(self) -> None:
        """Keep connections warm for ever."""
        while True:
            if self._wanted():
                self._failed = 0 if await self._round() else self._failed + 1
            await asyncio.sleep(self.pause_s())

    def pause_s(self) -> float:
        """Return how long to rest: about half of what a connection may be idle, doubled by each failure in a row."""
        even_s = self._keepalive_s * (0.4 + 0.3 * self._chance())
        return min(MOST_S, max(LEAST_S, even_s) * (1 << min(self._failed, 10)))

    async def _round(self) -> bool:
        """Use so many connections at once; True where all answered in time."""
        rounds = [asyncio.create_task(self._warm()) for _ in range(CONNECTIONS)]
        try:
            done, _ = await asyncio.wait(rounds, timeout=WITHIN_S)
        finally:
            for one in rounds:
                one.cancel()
        return len(done) == CONNECTIONS and all(_answered(one) for one in done)


def _answered(one: "asyncio.Task[str]") -> bool:
    return not one.cancelled() and one.exception() is None and not one.result()
