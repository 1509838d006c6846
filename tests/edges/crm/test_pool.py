"""Which connection a question gets, which are kept, and what ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore2
import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.crm.network import Network
from fallbackrouter.crm.pool import MAX_IDLE, Pool
from fallbackrouter.crm.requests import Asked
from fallbackrouter.crm.resolver import Resolver
from tests.fakes.crm import FakeCrm

pytestmark = pytest.mark.anyio
SAFETY_S = 60
QUESTION = Asked(b"POST /init HTTP/1.1\r\nHost: crm\r\nContent-Length: 2\r\n\r\n{}")


@asynccontextmanager
async def pool_of(port: int, max_connections: int = 64, keepalive_s: float = 60) -> AsyncIterator[Pool]:
    pool = Pool(
        Network(Resolver(clock=SystemClock(), max_stale_s=60)),
        "127.0.0.1",
        port,
        context=None,
        max_connections=max_connections,
        keepalive_s=keepalive_s,
    )
    try:
        yield pool
    finally:
        await pool.aclose()


async def status(pool: Pool) -> int:
    async with asyncio.timeout(SAFETY_S):
        return (await pool.exchange(QUESTION, 65_536))[0]


async def at_once(pool: Pool, crm: FakeCrm, how_many: int) -> None:
    crm.mode = "slow:0.2"
    assert await asyncio.gather(*[status(pool) for _ in range(how_many)]) == [200] * how_many
    crm.mode = "ok"


async def test_only_so_many_are_kept() -> None:
    async with FakeCrm() as crm, pool_of(crm.port) as pool:
        await at_once(pool, crm, MAX_IDLE + 4)
        assert pool.open_connections == MAX_IDLE
        assert await status(pool) == 200
        assert crm.accepted == MAX_IDLE + 4


async def test_those_that_no_question_needs_end_one_by_one_while_another_is_used() -> None:
    async with FakeCrm() as crm, pool_of(crm.port, keepalive_s=2) as pool:
        await at_once(pool, crm, 5)
        assert pool.open_connections == 5
        async with asyncio.timeout(SAFETY_S):
            while pool.open_connections > 1:
                assert await status(pool) == 200
                await asyncio.sleep(0.02)
        assert crm.accepted == 5, "the one in use ended too"


async def test_further_questions_wait_for_a_connection() -> None:
    async with FakeCrm() as crm, pool_of(crm.port, max_connections=2) as pool:
        await at_once(pool, crm, 7)
        assert crm.accepted == 2


async def test_a_connection_that_the_crm_has_ended_is_not_used_again() -> None:
    first = FakeCrm()
    async with pool_of(first.port) as pool:
        async with first:
            assert await status(pool) == 200
        await asyncio.sleep(0.1)
        async with FakeCrm(port=first.port) as second:
            assert await status(pool) == 200
            assert (second.accepted, pool.open_connections) == (1, 1)


async def test_its_end_ends_what_is_under_way() -> None:
    async with FakeCrm(mode="hang") as crm, pool_of(crm.port) as pool:
        asked = asyncio.create_task(status(pool))
        async with asyncio.timeout(SAFETY_S):
            while not crm.met["hang"]:
                await asyncio.sleep(0.01)
            await pool.aclose()
            with pytest.raises((httpcore2.NetworkError, httpcore2.ProtocolError)):
                await asked
        assert pool.open_connections == 0
