"""HTTP alone, in a loop with nothing around it: httpx2's client, the router's own way of asking, and plain sockets."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import cast

import httpx2
import uvloop
from hdrh.histogram import HdrHistogram

from benchmarks.compiled import DIGITS, LONGEST_NS, Seen
from fallbackrouter.clock import SystemClock
from fallbackrouter.config.settings import Crm
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.crm.network import Network
from fallbackrouter.crm.pool import Pool
from fallbackrouter.crm.requests import Requests
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.crm.transport import Transport
from fallbackrouter.daemon.live_crm import OUR_OWN

WARM = 64
BODY = (
    b'{"id":"1700000000.1","callerid":"74950000001","phonenumber":"74951111111","stage":"init","budget_ms":296,'
    b'"decision":"019b76da-a800-7000-8000-5f0e2c9d1a34","node":"pbx1"}'
)
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json"}
PLAIN = b"POST /init HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

Ask = Callable[[], Awaitable[bool]]
"""Asks once, and tells whether the answer was whole."""


def closed(url: str, requests: int, in_flight: int) -> Seen:
    """Keep so many requests of the client in flight."""
    return uvloop.run(_alone(_client(url), requests, in_flight))


def own(url: str, requests: int, in_flight: int) -> Seen:
    """Keep so many of the router's own questions in flight: what it asks calls' with, and nothing around it."""
    return uvloop.run(_alone(_pool(url), requests, in_flight))


async def _alone(asking: AbstractAsyncContextManager[Ask], requests: int, in_flight: int) -> Seen:
    async with asking as ask:
        await _closed(ask, WARM, in_flight)
        return await _closed(ask, requests, in_flight)


def steady(url: str, requests: int, per_second: float) -> Seen:
    """Let requests of the client arrive at a fixed rate, and count each one's time from when it was to arrive."""

    async def run() -> Seen:
        async with _client(url) as ask:
            await _closed(ask, WARM, 2)
            return await _steady(ask, requests, per_second)

    return uvloop.run(run())


def plain(port: int, requests: int, in_flight: int) -> Seen:
    """Keep so many requests over plain sockets in flight: what the CRM can do."""

    async def run() -> Seen:
        loop = asyncio.get_running_loop()
        left, times, ended = itertools.count(1), HdrHistogram(1, LONGEST_NS, DIGITS), []
        begun_ns = time.perf_counter_ns()  # the first connection asks while the next is opened
        for _ in range(in_flight):
            over: asyncio.Future[None] = loop.create_future()
            await loop.create_connection(partial(_Plain, left, requests, times, over), "127.0.0.1", port)
            ended.append(over)
        await asyncio.gather(*ended)
        return _seen(times, begun_ns, 0)

    return uvloop.run(run())


class _Plain(asyncio.Protocol):
    """Asks over one connection, one request after another, as long as there are some left."""

    def __init__(
        self, left: "itertools.count[int]", requests: int, times: HdrHistogram, over: asyncio.Future[None]
    ) -> None:
        self._left, self._requests, self._times, self._over = left, requests, times, over

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._ask()

    def _ask(self) -> None:
        if next(self._left) > self._requests:
            self._over.set_result(None)
            self._transport.close()
            return
        self._at_ns = time.perf_counter_ns()
        self._transport.write(PLAIN)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"}"):
            self._times.record_value(time.perf_counter_ns() - self._at_ns)
            self._ask()


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator[Ask]:
    """Give the router's own way of asking, with the settings that it has without any of its own."""
    crm, endpoint = Crm(), Endpoint(url, "")
    resolver = Resolver(clock=SystemClock(), max_stale_s=crm.dns_max_stale_s)
    pool = Pool(
        Network(resolver),
        endpoint.host,
        endpoint.port,
        context=None,
        max_connections=crm.max_in_flight + crm.max_late + OUR_OWN,
        keepalive_s=crm.keepalive_s,
    )
    requests = Requests(endpoint)

    async def ask() -> bool:
        status, body = await pool.exchange(requests.question(url, BODY, 296), crm.max_answer_bytes)
        return status == httpx2.codes.OK and isinstance(body, bytes) and body.endswith(b"}")

    yield ask
    await pool.aclose()


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[Ask]:
    """Give httpx2's client over the router's network, with the settings that a router has without any of its own."""
    crm = Crm()
    resolver = Resolver(clock=SystemClock(), max_stale_s=crm.dns_max_stale_s)
    resolver.watch("127.0.0.1")
    await resolver.start()
    transport = Transport(
        Network(resolver),
        context=None,
        max_connections=crm.max_in_flight + crm.max_late + OUR_OWN,
        keepalive_s=crm.keepalive_s,
    )
    async with httpx2.AsyncClient(transport=transport, headers=HEADERS, timeout=None, trust_env=False) as client:

        async def ask() -> bool:
            answer = await client.post(url, content=BODY)
            return answer.status_code == httpx2.codes.OK and answer.content.endswith(b"}")

        yield ask
    await resolver.close()


async def _closed(ask: Ask, requests: int, in_flight: int) -> Seen:
    left, times, answers = iter(range(requests)), HdrHistogram(1, LONGEST_NS, DIGITS), []

    async def one_after_another() -> None:
        for _ in left:
            at_ns = time.perf_counter_ns()
            answers.append(await ask())
            times.record_value(time.perf_counter_ns() - at_ns)

    begun_ns = time.perf_counter_ns()
    await asyncio.gather(*(one_after_another() for _ in range(in_flight)))
    return _seen(times, begun_ns, answers.count(False))


async def _steady(ask: Ask, requests: int, per_second: float) -> Seen:
    times, answers = HdrHistogram(1, LONGEST_NS, DIGITS), []
    loop = asyncio.get_running_loop()

    async def at(planned_s: float) -> None:
        await asyncio.sleep(planned_s - loop.time())
        answers.append(await ask())
        times.record_value(max(1, int((loop.time() - planned_s) * 1e9)))

    begun_ns, begun_s = time.perf_counter_ns(), loop.time()
    await asyncio.gather(*(at(begun_s + nth / per_second) for nth in range(requests)))
    return _seen(times, begun_ns, answers.count(False))


def _seen(times: HdrHistogram, begun_ns: int, failed: int) -> Seen:
    wall_s = (time.perf_counter_ns() - begun_ns) / 1e9
    return Seen(times.get_total_count() / wall_s, failed, 0.0, times)
