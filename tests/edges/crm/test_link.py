"""A connection that is watched all its life, on both of the loops that it may live in."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from fallbackrouter.crm.link import READ_BYTES, Link, TooManyBytesError
from tests.fakes.until import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize(
        "anyio_backend", [("asyncio", {}), ("asyncio", {"use_uvloop": True})], ids=["plain", "uvloop"]
    ),
]
MUCH = bytes(range(256)) * 4096


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Link, socket.socket]]:
    """This side of a TCP connection, and the peer's."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        ours = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    ours.settimeout(0)
    peer.settimeout(0)
    link = Link(ours)
    link.expect(len(MUCH))
    try:
        with closing(peer):
            yield link, peer
    finally:
        link.close()


async def read_all(link: Link) -> tuple[bytes, int]:
    """Read to the end; return the bytes, and the longest read."""
    whole, longest = b"", 0
    while data := await link.receive():
        whole += data
        longest = max(longest, len(data))
    return whole, longest


def is_watched(link: Link) -> bool:
    """Tell whether the loop watched it, and end that."""
    return asyncio.get_running_loop().remove_reader(link.socket)


async def test_a_flood_is_read_in_pieces_and_others_run_between_two_of_them(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def flood() -> None:
        await asyncio.get_running_loop().sock_sendall(peer, MUCH)
        peer.close()

    beside, flooding = asyncio.create_task(turn()), asyncio.create_task(flood())
    whole, longest = await read_all(link)
    beside.cancel()
    await flooding
    assert whole == MUCH
    assert longest <= READ_BYTES
    assert turns >= len(MUCH) // READ_BYTES


async def test_what_comes_in_while_nobody_reads_is_told_once_and_read_later(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    assert not link.has_unread
    peer.sendall(b"some")
    await until(lambda: link.has_unread, "news of what came in")
    assert not is_watched(link)
    peer.sendall(b" more")
    peer.close()
    assert await read_all(link) == (b"some more", 9)


async def test_an_idle_connection_that_its_peer_ends_is_known_without_asking(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    peer.close()
    await until(lambda: link.has_unread, "news of what came in")
    assert await link.receive() == b""


async def test_a_reset_is_an_error_for_who_reads(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    reading = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    with pytest.raises(ConnectionResetError):
        await reading


async def test_a_read_that_is_cancelled_takes_nothing(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    reading = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    peer.sendall(b"later")
    assert await link.receive() == b"later"


async def test_more_than_is_allowed_is_refused(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    link.expect(3)
    link.allow(1)
    peer.sendall(b"12345")
    with pytest.raises(TooManyBytesError):
        await link.receive()


async def test_closing_wakes_who_reads_and_lets_go_of_the_socket(ends: tuple[Link, socket.socket]) -> None:
    link, _ = ends
    reading = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    link.close()
    assert link.socket.fileno() < 0
    assert await reading == b""
    assert await link.receive() == b""
    with pytest.raises(OSError, match="closed"):
        await link.send(b"x")


async def test_closing_wakes_who_sends_who_then_lets_go_of_the_socket(ends: tuple[Link, socket.socket]) -> None:
    link, _ = ends
    sending = asyncio.create_task(link.send(MUCH * 16))
    await asyncio.sleep(0.05)
    link.close()
    assert not sending.done()
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's matter
        await sending
    assert link.socket.fileno() < 0


async def test_an_answer_that_comes_while_the_question_is_still_sent_is_read(ends: tuple[Link, socket.socket]) -> None:
    link, peer = ends
    sending = asyncio.create_task(link.send(MUCH * 16))
    peer.sendall(b"too long")
    await until(lambda: link.has_unread, "news of what came in")
    assert await link.receive() == b"too long"
    sending.cancel()
    await asyncio.wait({sending})
