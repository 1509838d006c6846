"""Connecting takes none of the loop's threads: those look names up, and a dead name server fills them."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from fallbackrouter.crm.race import connect_first


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("127.0.0.1", "127.0.0.2")])
def test_a_connect_under_uvloop_starts_no_thread(addresses: tuple[str, ...]) -> None:
    async def connect() -> tuple[int, int]:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        before = threads()
        _, connected = await connect_first(addresses, server.sockets[0].getsockname()[1])
        connected.close()
        server.close()
        return before, threads()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        before, after = runner.run(connect())
    assert after == before


def test_a_refused_connection_says_so() -> None:
    async def connect() -> None:
        await connect_first(("127.0.0.1",), 9)

    with pytest.raises(ConnectionRefusedError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(connect())
