"""Questions cancelled at any moment leave nothing behind: no socket, no place in the pool, no task."""

import asyncio
import gc
import random
from collections.abc import Callable

import pytest

from fallbackrouter.core.verdict import Hit
from fallbackrouter.crm.client import CrmClient
from tests.fakes.calls import call
from tests.fakes.certificates import Authority
from tests.fakes.crm import FakeCrm
from tests.fakes.crm_client import crm_client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize(
        "anyio_backend", [("asyncio", {}), ("asyncio", {"use_uvloop": True})], ids=["plain", "uvloop"]
    ),
]
Count = Callable[[], int]


async def ask_for(client: CrmClient, seconds: float, budget_ms: int = 300) -> bool:
    """Ask, and cancel after so long as tiers.live does; tell whether there was an answer."""
    task = asyncio.create_task(client.ask(call(), "d-1", budget_ms))
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return isinstance(task.result().verdict, Hit)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    return False


async def answered(client: CrmClient) -> bool:
    """Ask and wait, with a budget that no machine overdraws: past it the client would close what it keeps idle."""
    return await ask_for(client, 60, 60_000)


async def cancelled_in_hand(client: CrmClient, crm: FakeCrm, mode: str) -> None:
    """Cancel 500 questions at once; again later where a slow machine let none reach the CRM in that time."""
    crm.mode = mode
    for seconds in (0.05, 0.5, 5):
        assert not any(await asyncio.gather(*[ask_for(client, seconds) for _ in range(500)]))
        if crm.met[mode.partition(":")[0]]:
            break
    assert crm.met[mode.partition(":")[0]]


async def settled(now: Count, wanted: int) -> int:
    """Return a count once it is down to what it should be, or what it is after a while."""
    for _ in range(1200):
        if now() <= wanted:
            break
        await asyncio.sleep(0.05)
    return now()


@pytest.mark.parametrize("mode", ["hang", "deaf", "drip:0.5", "drip_body:0.5", "slow:20"])
async def test_500_questions_cancelled_at_once_leave_nothing_behind(mode: str, open_descriptors: Count) -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert await answered(client)
        before, tasks = open_descriptors(), len(asyncio.all_tasks())
        await cancelled_in_hand(client, crm, mode)
        assert client.open_connections == 0
        assert client.busy == 0
        crm.mode = "ok"
        assert await answered(client)
        assert await settled(open_descriptors, before) <= before
        assert await settled(lambda: len(asyncio.all_tasks()), tasks) <= tasks


async def test_500_handshakes_cancelled_at_once_leave_nothing_behind(
    open_descriptors: Count, authority: Authority
) -> None:
    tls = authority.issue("handshakes", "DNS:crm.example").server()
    async with (
        FakeCrm(tls=tls) as crm,
        crm_client(
            crm.url_for("crm.example"),
            tls=(str(authority.ca_file), "", ""),
            addresses={"crm.example": ["127.0.0.1"]},
        ) as client,
    ):
        assert await answered(client)
        before = open_descriptors()
        await cancelled_in_hand(client, crm, "hang_tls")
        crm.mode = "ok"
        assert await answered(client)
        assert await settled(open_descriptors, before) <= before


async def test_connects_that_nobody_takes_leave_nothing_behind(
    open_descriptors: Count, black_hole: tuple[str, int]
) -> None:
    host, port = black_hole
    async with crm_client(
        f"http://crm.example:{port}/x", addresses={"crm.example": [host, "127.0.0.3", "127.0.0.4"]}
    ) as client:
        before = open_descriptors()
        assert not any(await asyncio.gather(*[ask_for(client, 0.2) for _ in range(100)]))
        assert client.open_connections == 0
        assert await settled(open_descriptors, before) <= before


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_1000_cancellations_at_random_moments_leave_nothing_behind(
    open_descriptors: Count, authority: Authority, *, secure: bool
) -> None:
    """Moments from before the connect up to after the answer, with the CRM restarting the connection now and then."""
    pick = random.Random(7)
    tls = authority.issue("random", "DNS:crm.example").server() if secure else None
    async with (
        FakeCrm(tls=tls) as crm,
        crm_client(
            crm.url_for("crm.example"),
            tls=(str(authority.ca_file), "", ""),
            max_in_flight=10,
            addresses={"crm.example": ["127.0.0.1"]},
        ) as client,
    ):
        assert await answered(client)
        before = open_descriptors()
        answers = 0
        for _ in range(20):
            crm.mode = pick.choice(["ok", "ok", "slow:0.01", "close", "idle_close", "cut", "reset"])
            moments = [pick.choice([0, 0.001, 0.005, 0.02, 0.1, 20]) * pick.random() for _ in range(50)]
            answers += sum(await asyncio.gather(*[ask_for(client, moment) for moment in moments]))
        crm.mode = "ok"
        assert 0 < answers < 1000
        for _ in range(20):
            assert await answered(client)
        assert client.open_connections == 1
        gc.collect()
        assert await settled(open_descriptors, before) <= before
