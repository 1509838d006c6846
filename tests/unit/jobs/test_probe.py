"""Probes: when one is due, its own deadline, and what becomes of its answer; a real loop, a CRM of our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.breaker import BreakerRules, Change, State, Version
from fallbackrouter.core.verdict import Miss, Unavailable, Verdict
from fallbackrouter.jobs.probe import Prober
from fallbackrouter.tiers.breaker import LiveBreaker

pytestmark = pytest.mark.anyio

LONG_S = 10.0
QUICK = BreakerRules(probe_s=0.01, probe_cap_s=0.02, step_s=0.01)


class Crm:
    """Answers every probe with `verdict`, never where it is None."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.verdict = verdict
        self.open_connections = 1
        self.probes = 0
        self.cancelled = 0
        self.at_once = 0
        self.budgets: list[int] = []
        self.broken = False

    async def probe(self, decision_id: str, budget_ms: int) -> Verdict:
        assert decision_id
        self.probes += 1
        self.budgets.append(budget_ms)
        self.at_once += 1
        assert self.at_once == 1
        try:
            if self.broken:
                raise ZeroDivisionError
            if self.verdict is None:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        assert self.verdict is not None
        return self.verdict


class Bench:
    def __init__(self, crm: Crm) -> None:
        self.changes: list[Change] = []
        self.errors: list[Exception] = []
        self.breaker = LiveBreaker(
            QUICK, clock=SystemClock(), live_s=lambda _: 0.02, chance=lambda: 0.0, on_change=self.changes.append
        )
        self.prober = Prober(crm, self.breaker, live_s=0.02, clock=SystemClock(), on_error=self.errors.append)

    async def until(self, state: State) -> None:
        async with asyncio.timeout(LONG_S):
            while self.breaker.last.state is not state:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def probing(crm: Crm) -> AsyncIterator[Bench]:
    bench = Bench(crm)
    running = asyncio.create_task(bench.prober.run())
    yield bench
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})


async def probes(crm: Crm, count: int) -> None:
    async with asyncio.timeout(LONG_S):
        while crm.probes < count:
            await asyncio.sleep(0.001)


async def test_good_probes_alone_lead_back_to_closed_and_then_cease() -> None:
    crm = Crm(Miss())
    async with probing(crm) as bench:
        bench.breaker.adopt(Version(1, 0), "told", leads=True)
        await bench.until(State.CLOSED)
        sent = crm.probes
        await asyncio.sleep(0.05)
        assert crm.probes == sent
    assert [change.share for change in bench.changes] == [0.01, 0.1, 0.5, 1.0, 1.0]


async def test_who_does_not_lead_sends_none_until_told_to() -> None:
    crm = Crm(Miss())
    async with probing(crm) as bench:
        bench.breaker.adopt(Version(1, 0), "told", leads=False)
        await asyncio.sleep(0.05)
        assert crm.probes == 0
        bench.breaker.adopt(Version(1, 0), "told", leads=True)
        await bench.until(State.CLOSED)


async def test_a_probe_that_hangs_ends_by_its_own_deadline() -> None:
    crm = Crm(None)
    async with probing(crm) as bench:
        bench.breaker.adopt(Version(1, 0), "told", leads=True)
        await probes(crm, 3)
        assert crm.cancelled >= 2
        assert bench.breaker.last.state is State.OPEN
        crm.verdict = Miss()
        await bench.until(State.CLOSED)


async def test_failing_probes_keep_it_open() -> None:
    crm = Crm(Unavailable("connection refused"))
    async with probing(crm) as bench:
        bench.breaker.adopt(Version(1, 0), "told", leads=True)
        await probes(crm, 4)
        assert bench.breaker.last.state is State.OPEN
        assert bench.changes == []


async def test_without_a_connection_a_probe_may_take_longer() -> None:
    crm = Crm(Unavailable("no"))
    async with probing(crm) as bench:
        bench.breaker.adopt(Version(1, 0), "told", leads=True)
        await probes(crm, 1)
        crm.open_connections = 0
        sent = crm.probes
        await probes(crm, sent + 1)
    assert crm.budgets[0] == 20
    assert crm.budgets[-1] == 520


async def test_an_error_of_our_own_is_told_and_probing_goes_on() -> None:
    crm = Crm(Miss())
    crm.broken = True
    async with probing(crm) as bench:
        bench.breaker.adopt(Version(1, 0), "told", leads=True)
        await probes(crm, 2)
        assert isinstance(bench.errors[0], ZeroDivisionError)
        crm.broken = False
        await bench.until(State.CLOSED)


async def test_a_cancelled_prober_leaves_no_probe_behind() -> None:
    crm = Crm(None)
    bench = Bench(crm)
    running = asyncio.create_task(bench.prober.run())
    bench.breaker.adopt(Version(1, 0), "told", leads=True)
    await probes(crm, 1)
    running.cancel()
    await asyncio.wait({running})
    await asyncio.sleep(0)
    assert crm.cancelled == 1
