"""A drill through the real client: what each fault becomes, on new connections and on those that were open before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.verdict import Hit, Skipped, Unavailable, Verdict, reason_of
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.drill import FAULTS, MAX_S, Drill, Drilling
from tests.fakes.calls import call
from tests.fakes.certificates import Authority, Certificate
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCrm
from tests.fakes.crm_client import crm_client
from tests.proof.machine import PACE

pytestmark = pytest.mark.anyio

NAME = "crm.example"
SAFETY_S = 60
BUDGET_S = 0.15 * PACE
SLOW_S = 0.4 * PACE

ENDS: dict[str, Verdict] = {
    "dns": Skipped("drill: dns; no address yet"),
    "connect": Unavailable("drill: connect; connection refused"),
    "error": Unavailable("drill: error; the CRM answered with HTTP status 500"),
    "garbage": Unavailable("drill: garbage; the answer is not HTTP"),
}
"""What the faults become that end by themselves."""

Both = tuple[FakeCrm, CrmClient]


def drill(fault: str, share: float = 1.0, for_s: float = 600.0) -> Drill:
    return Drill(fault, share, SystemClock().now_s() + for_s)


def drilling() -> Drilling:
    return Drilling(clock=SystemClock(), slow_s=SLOW_S)


async def asked(client: CrmClient) -> Verdict:
    async with asyncio.timeout(SAFETY_S):
        return (await client.ask(call(), "d-1", 300)).verdict


async def asked_within(client: CrmClient, seconds: float) -> Verdict | None:
    task = asyncio.create_task(client.ask(call(), "d-1", int(seconds * 1000)))
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return task.result().verdict
    task.cancel()
    await asyncio.wait({task})
    return None


@asynccontextmanager
async def crm_and_client(deal: Drilling, good: Certificate | None, authority: Authority) -> AsyncIterator[Both]:
    """Give a CRM and a client of it, under TLS where there is a certificate."""
    known = {NAME: ["127.0.0.1"]}
    tls = (str(authority.ca_file), "", "") if good else ("", "", "")
    async with (
        FakeCrm(tls=good.server() if good else None) as crm,
        crm_client(crm.url_for(NAME), tls=tls, addresses=known, drilling=deal) as client,
    ):
        yield crm, client


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.issue("drilled", f"DNS:{NAME}")


@pytest.fixture(params=["plain", "tls"])
def good(request: pytest.FixtureRequest, certificate: Certificate) -> Certificate | None:
    return certificate if request.param == "tls" else None


@pytest.fixture(params=[0, 1], ids=["new", "open before"])
def before(request: pytest.FixtureRequest) -> int:
    """How many questions were asked before the drill; with one, its connection is kept alive."""
    return int(request.param)


async def test_every_fault_is_tried_here() -> None:
    assert {*ENDS, "hang", "slow"} == set(FAULTS)


@pytest.mark.parametrize("fault", ENDS)
async def test_a_fault_hits_until_it_is_over(
    fault: str, before: int, good: Certificate | None, authority: Authority
) -> None:
    deal = drilling()
    async with crm_and_client(deal, good, authority) as (crm, client):
        for _ in range(before):
            assert isinstance(await asked(client), Hit)
        deal.begin(drill(fault))
        assert [await asked(client) for _ in range(3)] == [ENDS[fault]] * 3
        assert len(crm.requests) == before
        deal.end()
        assert reason_of(await asked(client)) == ""
        assert len(crm.requests) == before + 1


async def test_a_hung_question_never_reaches_the_crm(
    before: int, good: Certificate | None, authority: Authority
) -> None:
    deal = drilling()
    async with crm_and_client(deal, good, authority) as (crm, client):
        for _ in range(before):
            assert isinstance(await asked(client), Hit)
        deal.begin(drill("hang"))
        assert [await asked_within(client, BUDGET_S) for _ in range(3)] == [None] * 3
        assert crm.accepted >= 1
        assert len(crm.requests) == before
        deal.end()
        assert isinstance(await asked(client), Hit)
        assert client.open_connections == 1


async def test_a_slow_answer_is_the_crm_s_own_and_late(
    before: int, good: Certificate | None, authority: Authority
) -> None:
    deal = drilling()
    async with crm_and_client(deal, good, authority) as (crm, client):
        for _ in range(before):
            assert isinstance(await asked(client), Hit)
        deal.begin(drill("slow"))
        assert await asked_within(client, BUDGET_S) is None
        late = await asked(client)
        assert isinstance(late, Hit)
        assert late.notes == ("drill: slow",)
        assert len(crm.requests) == before + 2


async def test_a_share_of_questions_meets_it() -> None:
    numbers: Sequence[float] = [0.05, 0.1, 0.95]
    deal = Drilling(clock=SystemClock(), slow_s=SLOW_S, chance=cycle(numbers).__next__)
    async with FakeCrm() as crm, crm_client(crm.url, drilling=deal) as client:
        deal.begin(drill("error", share=0.1))
        verdicts = [await asked(client) for _ in range(6)]
    assert [type(verdict) for verdict in verdicts] == [Unavailable, Hit, Hit] * 2
    assert not any(verdict.notes for verdict in verdicts if isinstance(verdict, Hit))


async def test_chance_is_the_system_s_own() -> None:
    deal = drilling()
    deal.begin(drill("error", share=0.5))
    dealt = [deal.deal() for _ in range(200)]
    assert {"", "error"} == set(dealt)


async def test_it_ends_by_itself() -> None:
    clock = FakeClock()
    deal = Drilling(clock=clock, slow_s=SLOW_S)
    deal.begin(Drill("hang", 1.0, clock.now_s() + 60))
    clock.move(59.9)
    assert deal.deal() == "hang"
    clock.move(0.1)
    assert deal.deal() == ""


async def test_it_never_lasts_longer_than_an_hour() -> None:
    clock = FakeClock()
    deal = Drilling(clock=clock, slow_s=SLOW_S)
    deal.begin(Drill("hang", 1.0, float("inf")))
    clock.move(MAX_S - 1)
    assert deal.deal() == "hang"
    clock.move(1)
    assert deal.deal() == ""


async def test_warming_meets_it_too() -> None:
    deal = drilling()
    async with FakeCrm() as crm, crm_client(crm.url, drilling=deal) as client:
        deal.begin(drill("connect"))
        assert await client.warm() == "connection refused"
        deal.end()
        assert await client.warm() == ""


async def test_hung_questions_leave_no_connection_behind(open_descriptors: Callable[[], int]) -> None:
    deal = drilling()
    async with FakeCrm() as crm, crm_client(crm.url, drilling=deal) as client:
        one_connection = open_descriptors() + 2  # its two ends are both in this process
        assert isinstance(await asked(client), Hit)
        deal.begin(drill("hang"))
        await asyncio.gather(*(asked_within(client, BUDGET_S) for _ in range(20)))
        deal.end()
        assert isinstance(await asked(client), Hit)
        async with asyncio.timeout(SAFETY_S):
            while open_descriptors() > one_connection:
                await asyncio.sleep(0.02)
        assert client.open_connections == 1
