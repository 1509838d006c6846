"""What a peer does costs that one connection, whatever it does: the next call is answered."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from tests.fakes.asterisk import Channel, application, call
from tests.fakes.desk import FakeDesk
from tests.fakes.door import Door, opened

pytestmark = pytest.mark.anyio
BLOCK = application(Channel(), "ask,${EXTEN},init")


@contextlib.asynccontextmanager
async def unhurt(header_timeout_s: float = 5.0, send_timeout_s: float = 5.0) -> AsyncIterator[Door]:
    """A door that afterwards still answers, and that reported nothing to the loop as unhandled."""
    unhandled: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    async with opened(header_timeout_s=header_timeout_s, send_timeout_s=send_timeout_s) as door:
        yield door
        assert (await call(door.port)).variables["FR_SOURCE"] == "fallback"
        await door.until(lambda: len(door.reception.held) == 0)
    assert unhandled == []


async def connect(door: Door, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


def reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side gets an RST."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize("sent", [0, 1, 30, len(BLOCK) - 1])
async def test_a_peer_that_closes_before_its_blank_line(sent: int) -> None:
    async with unhurt() as door:
        _, writer = await connect(door, BLOCK[:sent])
        writer.close()
        await door.counted(eof=1)


@pytest.mark.parametrize("sent", [0, 30, len(BLOCK)])
async def test_a_peer_that_resets(sent: int) -> None:
    async with unhurt() as door:
        _, writer = await connect(door, BLOCK[:sent])
        await door.until(lambda: door.reception.counts["accepted"])
        reset(writer)
        await door.until(lambda: len(door.reception.held) == 0)
        assert door.reception.counts["eof"] + door.reception.counts["gone"] == 1


async def test_a_peer_that_resets_while_it_is_decided() -> None:
    gate = asyncio.Event()
    async with unhurt() as door:
        door.desk.gate = gate
        _, writer = await connect(door, BLOCK)
        await door.until(lambda: door.desk.calls)
        reset(writer)
        await asyncio.sleep(0.02)
        gate.set()
        await door.counted(gone=1)
        assert door.desk.written == []


async def test_a_peer_that_resets_instead_of_a_reply() -> None:
    async with unhurt() as door:
        reader, writer = await connect(door, BLOCK)
        await reader.readline()
        reset(writer)
        await door.counted(gone=1)


async def test_a_peer_that_closes_in_the_middle_of_a_reply() -> None:
    async with unhurt() as door:
        reader, writer = await connect(door, BLOCK)
        await reader.readline()
        writer.write(b"200 res")
        writer.close()
        await door.counted(gone=1)


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\n", b"\0" * 9, b"agi_x: y\n\n"]
)
async def test_noise_ends_the_connection_at_once(noise: bytes) -> None:
    async with unhurt() as door:
        reader, writer = await connect(door, noise)
        assert await reader.read() == b""
        writer.close()
        await door.counted(garbage=1)


@pytest.mark.parametrize("size", [16_385, 1_000_000])
async def test_a_header_without_an_end(size: int) -> None:
    async with unhurt() as door:
        with contextlib.suppress(ConnectionError):
            reader, writer = await connect(door, b"agi_x: " + b"x" * size)
            await reader.read()
            writer.close()
        await door.counted(too_big=1)


async def test_a_header_with_too_many_lines() -> None:
    async with unhurt() as door:
        reader, writer = await connect(door, BLOCK[:-1] + b"agi_x: y\n" * 200 + b"\n")
        assert await reader.read() == b""
        writer.close()
        await door.counted(too_big=1)


async def test_a_silent_peer_is_cut() -> None:
    async with unhurt(header_timeout_s=0.1) as door:
        reader, writer = await connect(door)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await door.counted(silent=1)


async def test_a_dripping_peer_is_cut() -> None:
    async with unhurt(header_timeout_s=0.2) as door:
        _, writer = await connect(door)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(b"agi_")
                await writer.drain()
                await asyncio.sleep(0.01)
                if door.reception.counts["silent"]:
                    break
        writer.transport.abort()
        await door.counted(silent=1)


async def test_a_peer_that_never_replies_is_cut() -> None:
    async with unhurt(send_timeout_s=0.1) as door:
        reader, writer = await connect(door, BLOCK)
        assert (await reader.readline()).startswith(b"SET VARIABLE")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await door.counted(unread=1)


@pytest.mark.parametrize("noise", [b"x" * 100_000, b"HANGUP\n" * 100, b"520-x\n" + b"y\n" * 100, b"100 Trying\n" * 100])
async def test_a_peer_that_replies_without_an_end(noise: bytes) -> None:
    async with unhurt() as door:
        reader, writer = await connect(door, BLOCK)
        await reader.readline()
        with contextlib.suppress(ConnectionError):
            writer.write(noise)
            await reader.read()
        writer.transport.abort()
        await door.counted(garbage=1)


async def test_a_peer_that_half_closes_still_has_its_answer() -> None:
    async with unhurt() as door:
        reader, writer = await connect(door, BLOCK)
        writer.write_eof()
        assert (await reader.readline()).startswith(b"SET VARIABLE")
        writer.close()
        await door.counted(gone=1)


async def test_a_header_that_comes_when_its_peer_was_shed() -> None:
    async with unhurt() as door:
        reader, writer = await connect(door)
        await door.until(lambda: len(door.reception.held))
        door.reception.held.close(next(iter(door.reception.held._waiting)))
        writer.write(BLOCK)
        assert await reader.read() == b""
        writer.close()
        assert door.desk.calls == []


async def test_a_fault_of_our_own_costs_one_call() -> None:
    async with unhurt() as door:
        door.desk.fault = RuntimeError("a fault")
        outcome = await call(door.port)
        assert outcome.closed
        assert outcome.variables == {}
        await door.counted(faults=1)
        door.desk.fault = None


async def test_a_fault_in_reading_is_answered_from_instant_tiers() -> None:
    async with opened(FakeDesk(), grammar=lambda: None) as door:
        outcome = await call(door.port)
        assert outcome.variables["FR_SOURCE"] == "fallback"
        assert door.desk.reasons == ["unknown path "]
        assert door.desk.calls[0].caller.raw == Channel().caller
