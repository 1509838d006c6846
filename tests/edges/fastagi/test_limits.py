"""Who may ask, how many at once, and how the door is closed."""

import asyncio
import contextlib
import socket
import time

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.entrance.allow import AllowList
from fallbackrouter.entrance.desk import Desk
from fallbackrouter.entrance.held import SILENT_S
from fallbackrouter.entrance.reception import Reception
from fallbackrouter.fastagi.server import AgiServer
from fallbackrouter.router import Answered, Router
from tests.fakes.asterisk import Channel, application, call
from tests.fakes.desk import FakeDesk
from tests.fakes.door import GRAMMAR, SHAPE, Door, opened

pytestmark = pytest.mark.anyio
BLOCK = application(Channel(), "ask,${EXTEN},init")


@pytest.mark.parametrize(
    ("networks", "host", "admitted"),
    [
        (["127.0.0.0/8", "::1/128"], "127.3.2.1", True),
        (["127.0.0.0/8", "::1/128"], "::1", True),
        (["127.0.0.0/8"], "::ffff:127.0.0.1", True),
        (["127.0.0.0/8"], "::1", False),
        (["127.0.0.0/8"], "10.0.0.1", False),
        (["10.1.2.3/8"], "10.9.9.9", True),
        (["10.0.0.1"], "10.0.0.1", True),
        (["10.0.0.1"], "10.0.0.2", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "/run/socket", False),
        ([], "127.0.0.1", False),
    ],
)
def test_the_allow_list(networks: list[str], host: str, admitted: bool) -> None:
    assert AllowList(networks).admits(host) is admitted


def test_an_entry_that_is_no_network() -> None:
    with pytest.raises(ValueError, match="localhost"):
        AllowList(["localhost"])


async def test_a_stranger_is_dropped() -> None:
    async with opened(allow=["10.0.0.0/8"]) as door:
        outcome = await call(door.port)
        assert outcome.closed
        assert outcome.commands == []
        await door.counted(refused_address=1)
        assert door.reception.counts["accepted"] == 0
        assert door.desk.calls == []


async def test_an_ipv6_peer() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    async with opened(host="::1") as door:
        assert (await call(door.port, host="::1")).variables["FR_SOURCE"] == "fallback"


async def connected(door: Door, count: int, data: bytes = b"") -> list[asyncio.StreamWriter]:
    """Connect so many peers, one after the other."""
    writers = []
    for _ in range(count):
        accepted = door.reception.counts["accepted"]
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(data)
        await door.until(lambda before=accepted: door.reception.counts["accepted"] > before)  # type: ignore[misc]
        writers.append(writer)
    return writers


async def test_silent_peers_go_first_the_oldest_of_them() -> None:
    async with opened(max_calls=3) as door:
        silent = await connected(door, 3)
        assert len(door.reception.held) == 3
        await asyncio.sleep(2 * SILENT_S)
        assert (await call(door.port)).variables["FR_SOURCE"] == "fallback"
        assert door.reception.counts["shed"] == 1
        assert door.desk.reasons == [""], "there was room for it"
        await door.until(lambda: len(door.reception.held) == 2)
        for writer in silent[1:]:
            assert not writer.is_closing()
        silent[1].write(BLOCK)
        await door.until(lambda: len(door.desk.calls) == 2)
        for writer in silent:
            writer.transport.abort()
        await door.until(lambda: len(door.reception.held) == 0)


async def test_past_the_limit_calls_are_answered_from_instant_tiers() -> None:
    gate = asyncio.Event()
    async with opened(FakeDesk(gate=gate), max_calls=2) as door:
        writers = await connected(door, 2, BLOCK)
        await door.until(lambda: len(door.desk.calls) == 2)
        asking = asyncio.create_task(call(door.port))
        await door.until(lambda: len(door.desk.calls) == 3)
        gate.set()
        assert (await asking).variables["FR_SOURCE"] == "fallback"
        assert door.desk.reasons[:2] == ["", ""]
        assert door.desk.reasons[2].startswith("busy: ")
        assert door.reception.counts["busy"] == 1
        for writer in writers:
            writer.transport.abort()
        await door.until(lambda: len(door.reception.held) == 0)


async def test_events_are_taken_past_the_limit() -> None:
    gate = asyncio.Event()
    async with opened(FakeDesk(gate=gate), max_calls=1) as door:
        (writer,) = await connected(door, 1, BLOCK)
        await door.until(lambda: door.desk.calls)
        assert (await call(door.port, "event,1,start")).variables["FR_SOURCE"] == "event"
        assert door.reception.counts["busy"] == 0
        gate.set()
        writer.transport.abort()


EVENT = application(Channel(), "event,1,start")


async def test_of_a_burst_past_the_limit_no_event_is_lost() -> None:
    async with opened(max_calls=2) as door:
        peers = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(40)]
        for peer in peers:
            peer.sendall(EVENT)
        await door.until(lambda: len(door.desk.events) == 40)
        assert door.reception.counts["shed"] == 0
        for peer in peers:
            peer.close()
        await door.until(lambda: len(door.reception.held) == 0)


async def test_what_came_while_we_were_slow_is_read_before_its_peer_is_cut() -> None:
    async with opened(header_timeout_s=1.0) as door:
        peers = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(8)]
        await door.until(lambda: door.reception.counts["accepted"] == 8)
        for peer in peers:
            peer.sendall(EVENT)
        time.sleep(1.2)  # noqa: ASYNC251 - the loop stalls for longer than a header may take
        await door.until(lambda: len(door.desk.events) == 8)
        assert door.reception.counts["silent"] == 0
        for peer in peers:
            peer.close()
        await door.until(lambda: len(door.reception.held) == 0)


async def test_many_silent_peers_do_not_keep_a_call_out() -> None:
    async with opened(max_calls=50) as door:
        writers = [(await asyncio.open_connection("127.0.0.1", door.port))[1] for _ in range(200)]
        outcomes = await asyncio.gather(*(call(door.port) for _ in range(20)))
        assert {outcome.variables.get("FR_SOURCE") for outcome in outcomes} == {"fallback"}
        await door.until(lambda: len(door.reception.held) <= 50)
        assert door.reception.counts["shed"] >= 150
        for writer in writers:
            writer.transport.abort()


async def test_draining_lets_calls_finish() -> None:
    gate = asyncio.Event()
    async with opened(FakeDesk(gate=gate)) as door:
        asking = asyncio.create_task(call(door.port))
        await door.until(lambda: door.desk.calls)
        door.reception.stop_accepting()
        draining = asyncio.create_task(door.reception.drain(10))
        with pytest.raises(OSError, match=r"."):
            await asyncio.open_connection("127.0.0.1", door.port)
        assert not draining.done()
        gate.set()
        assert (await asking).variables["FR_SOURCE"] == "fallback"
        await draining
        assert len(door.reception.held) == 0


async def test_draining_cuts_what_does_not_finish() -> None:
    async with opened() as door:
        (writer,) = await connected(door, 1)
        door.reception.stop_accepting()
        await door.reception.drain(0.05)
        await door.until(lambda: len(door.reception.held) == 0)
        with contextlib.suppress(ConnectionError):
            writer.write(BLOCK)
            await writer.drain()
        writer.transport.abort()


async def test_sockets_that_listen_already_are_taken_over_and_closed() -> None:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [listener.getsockname()[1] for listener in listeners]
    clock = SystemClock()
    reception = Reception(allow=["127.0.0.1"], max_calls=9, clock=clock)
    server = AgiServer(reception=reception, router=FakeDesk(), grammar=lambda: GRAMMAR, shape=SHAPE, clock=clock)
    await server.start(listeners)
    for port in ports:
        assert (await call(port)).variables["FR_SOURCE"] == "fallback"
    reception.stop_accepting()
    await reception.drain(10)
    assert [listener.fileno() for listener in listeners] == [-1, -1]


def test_the_router_fits() -> None:
    """mypy reads this: what the door asks of a desk, the router has."""

    def fits(router: Router) -> Desk[Answered]:
        return router

    assert fits.__annotations__
