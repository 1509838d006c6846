"""What a peer does costs that one connection, whatever it does: the next request is answered."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fallbackrouter.httproute.server import HttpServer
from tests.fakes.desk import FakeDesk
from tests.fakes.door import Door, opened
from tests.fakes.http_peer import Peer, post, posted

pytestmark = pytest.mark.anyio
WHOLE = post("/v1/ask", "did=1")


@contextlib.asynccontextmanager
async def unhurt(**options: Any) -> AsyncIterator[Door]:
    """A door that afterwards still answers, and that reported nothing to the loop as unhandled."""
    unhandled: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    async with opened(server=HttpServer, **{"header_timeout_s": 5.0, "send_timeout_s": 5.0, **options}) as door:
        yield door
        assert (await posted(door.port, WHOLE)).status == 200
        await door.until(lambda: len(door.reception.held) == 0)
    assert unhandled == []


def reset(peer: Peer) -> None:
    """Close so that the other side gets an RST."""
    raw = peer.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.writer.transport.abort()


async def test_a_stranger_is_dropped_unheard() -> None:
    async with opened(server=HttpServer, allow=["10.0.0.0/8"]) as door, Peer(door.port) as peer:
        with contextlib.suppress(ConnectionError):
            peer.send(WHOLE)
            assert await peer.rest() == b""
        await door.counted(refused_address=1)
        assert door.reception.counts["accepted"] == 0


@pytest.mark.parametrize("sent", [0, 1, 30, len(WHOLE) - 1])
async def test_a_peer_that_closes_or_resets_in_the_middle(sent: int) -> None:
    async with unhurt() as door:
        async with Peer(door.port) as peer:
            peer.send(WHOLE[:sent])
            peer.writer.write_eof()
            assert await peer.rest() == b""
        async with Peer(door.port) as peer:
            peer.send(WHOLE[:sent])
            await door.until(lambda: door.reception.counts["accepted"] == 2)
            reset(peer)
        await door.until(lambda: len(door.reception.held) == 0)
        assert door.desk.calls == []


async def test_a_peer_that_resets_while_its_event_is_stored() -> None:
    gate = asyncio.Event()
    async with unhurt(desk=FakeDesk(gate=gate)) as door:
        async with Peer(door.port) as peer:
            peer.send(WHOLE)
            await door.until(lambda: door.desk.calls)
            reset(peer)
        await asyncio.sleep(0.02)
        assert len(door.reception.held) == 1, "what is in hand counts until it is done"
        gate.set()
        await door.counted(gone=1)


@pytest.mark.parametrize(
    "noise",
    [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"agi_network: yes\n\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 9000],
)
async def test_noise_is_told_so_and_the_connection_ends(noise: bytes) -> None:
    async with unhurt() as door, Peer(door.port) as peer:
        peer.send(noise)
        said = await peer.rest()
        assert said.startswith(b"HTTP/1.1 4")
        assert said.count(b"HTTP/1.1") == 1


async def test_a_body_that_is_too_large_gets_its_refusal_while_it_is_being_sent() -> None:
    async with unhurt() as door, Peer(door.port) as peer:
        peer.send(post("/v1/ask", "x" * 200_000))
        answer = await peer.answer()
        assert answer.status == 413
        assert b"16,384" in answer.body
        assert door.desk.calls == []


async def test_a_body_without_end_is_cut() -> None:
    async with unhurt() as door, Peer(door.port) as peer:
        peer.send(b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                peer.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await peer.writer.drain()
        await door.until(lambda: len(door.reception.held) == 0)
        assert door.reception.counts["http_refused"] == 1


async def test_a_silent_peer_is_cut() -> None:
    async with unhurt(header_timeout_s=0.1) as door, Peer(door.port) as peer:
        with contextlib.suppress(ConnectionError):
            assert await peer.rest() == b""
        await door.counted(silent=1)


@pytest.mark.parametrize("first", [b"", b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"])
async def test_a_dripping_peer_is_cut(first: bytes) -> None:
    async with unhurt(header_timeout_s=0.2) as door, Peer(door.port) as peer:
        with contextlib.suppress(ConnectionError):
            peer.send(first)
            for _ in range(1000):
                peer.send(b"P")
                await peer.writer.drain()
                await asyncio.sleep(0.01)
                if door.reception.counts["silent"]:
                    break
        await door.counted(silent=1)


async def test_a_resting_connection_is_closed_soon() -> None:
    async with unhurt(header_timeout_s=0.2) as door, Peer(door.port) as peer:
        peer.send(WHOLE)
        assert (await peer.answer()).status == 200
        with contextlib.suppress(ConnectionError):
            assert await peer.rest() == b""
        await door.counted(idle=1)
        assert door.reception.counts["silent"] == 0


async def test_draining_waits_for_no_resting_connection() -> None:
    async with opened(server=HttpServer, header_timeout_s=60.0) as door, Peer(door.port) as peer:
        peer.send(WHOLE)
        assert (await peer.answer()).status == 200
        door.reception.stop_accepting()
        async with asyncio.timeout(60):
            await door.reception.drain(60)
        assert door.reception.counts["idle"] == 1


async def test_events_are_taken_past_the_limit() -> None:
    gate = asyncio.Event()
    async with opened(FakeDesk(gate=gate), server=HttpServer, max_calls=1) as door, Peer(door.port) as peer:
        peer.send(WHOLE)
        await door.until(lambda: door.desk.calls)
        assert (await posted(door.port, post("/v1/event", "did=1&stage=start"))).status == 200
        asking = asyncio.create_task(posted(door.port, WHOLE))
        await door.until(lambda: len(door.desk.calls) == 2)
        assert door.desk.reasons[1].startswith("busy: ")
        gate.set()
        assert (await asking).status == 200


PIECES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [WHOLE, WHOLE[:40], b"\r\n\r\n", post("/v1/event", "stage=start"), b"0\r\n\r\n", b"GET / HTTP/1.1\r\n"]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=8))
async def test_any_bytes_are_answered_at_most_once_for_each_request(pieces: list[bytes]) -> None:
    async with unhurt() as door:
        async with Peer(door.port) as peer:
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    peer.send(piece)
                    await peer.writer.drain()
                peer.writer.write_eof()
                said = await peer.rest()
                asked = len(door.desk.calls) + len(door.desk.events)
                assert asked <= said.count(b"HTTP/1.1 ") <= asked + 1
                assert said.count(b"HTTP/1.1 200") == asked
        await door.until(lambda: len(door.reception.held) == 0)
