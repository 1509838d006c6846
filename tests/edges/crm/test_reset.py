"""A used connection that was reset a moment ago is told apart, also by a request without a body."""

import asyncio
import socket
import struct

import pytest

from fallbackrouter.crm.stream import GoneWhileIdleError, Stream

pytestmark = pytest.mark.anyio

HEAD = b"HEAD / HTTP/1.1\r\nHost: crm\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_a_request_without_a_body_finds_a_reset_connection_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)  # noqa: FBT003 - the socket's own
    stream = Stream(ours)
    await stream.write(HEAD)
    await asyncio.sleep(0)
    reading = asyncio.ensure_future(stream.read(8192))
    await asyncio.sleep(0.05)
    theirs.sendall(ANSWER)
    assert await reading == ANSWER
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    await asyncio.sleep(0.05)
    await stream.write(HEAD)
    with pytest.raises(GoneWhileIdleError):
        await stream.read(8192)
    await stream.aclose()
