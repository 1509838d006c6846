"""Warm connections: the pace, the rounds, and when there are none."""

import asyncio
from collections.abc import Callable

import pytest

from fallbackrouter.jobs import warm
from fallbackrouter.jobs.warm import CONNECTIONS, MOST_S, Warmer

pytestmark = pytest.mark.anyio

LONG_S = 10.0


class Line:
    """Takes warming requests: answers with `reason`, never where it is None."""

    def __init__(self, reason: str | None = "") -> None:
        self.reason = reason
        self.sent = 0
        self.at_once = 0
        self.most_at_once = 0
        self.cancelled = 0
        self.wanted = True

    async def warm(self) -> str:
        self.sent += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(0)
            if self.reason is None:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        return self.reason or ""


def warmer(line: Line, chance: Callable[[], float] = lambda: 0.0, keepalive_s: float = 4.0) -> Warmer:
    return Warmer(line.warm, lambda: line.wanted, keepalive_s=keepalive_s, chance=chance)


async def first_round(line: Line) -> Warmer:
    """Run it until it rests."""
    warming = warmer(line)
    running = asyncio.create_task(warming.run())
    async with asyncio.timeout(LONG_S):
        while line.wanted and (line.sent < CONNECTIONS or line.at_once):
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    return warming


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("keepalive_s", [1.0, 4.0, 60.0])
def test_rounds_come_well_before_an_idle_connection_is_let_go(chance: float, keepalive_s: float) -> None:
    pause_s = warmer(Line(), lambda: chance, keepalive_s).pause_s()
    assert 0.4 * keepalive_s <= pause_s <= 0.7 * keepalive_s


async def test_a_round_uses_its_connections_at_once() -> None:
    line = Line()
    await first_round(line)
    assert (line.sent, line.most_at_once) == (CONNECTIONS, CONNECTIONS)


async def test_nothing_is_sent_while_none_are_wanted() -> None:
    line = Line()
    line.wanted = False
    await first_round(line)
    assert line.sent == 0


@pytest.mark.parametrize("reason", ["connection refused", None])
async def test_a_crm_that_does_not_take_it_is_tried_later(reason: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "WITHIN_S", 0.02)
    line = Line(reason)
    warming = await first_round(line)
    assert warming.pause_s() == pytest.approx(2 * 0.4 * 4.0)
    assert line.cancelled == (0 if reason else CONNECTIONS)


async def test_the_pause_is_bounded() -> None:
    warming = warmer(Line())
    warming._failed = 1_000_000
    assert warming.pause_s() == MOST_S
