"""The check of the HTTP addresses, against the real door and against what else may listen there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fallbackrouter.doctor import http_door
from fallbackrouter.doctor.finding import Finding
from fallbackrouter.httproute.server import HttpServer
from tests.fakes.door import opened

pytestmark = pytest.mark.anyio


async def knock(port: int, allow: str = "127.0.0.0/8") -> Finding:
    [found] = await http_door.knock([f"127.0.0.1:{port}"], [allow])
    return found


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[int]:
    async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_the_router_is_known_and_nothing_is_asked_of_it() -> None:
    async with opened(server=HttpServer) as door:
        found = await knock(door.port)
        assert (found.level, found.what) == ("ok", f"127.0.0.1:{door.port} answered by HTTP")
        assert door.desk.calls == door.desk.events == []


async def test_no_address_no_finding() -> None:
    assert await http_door.knock([], ["127.0.0.0/8"]) == []


@pytest.mark.parametrize("words", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"x" * 100_000, b""])
async def test_a_port_of_another_program_fails(words: bytes) -> None:
    async with saying(words) as port:
        found = await knock(port)
    assert found.level == "fail"
    assert "not this router's HTTP" in found.what


async def test_a_port_that_does_not_admit_this_machine_cannot_be_asked() -> None:
    async with opened(server=HttpServer, allow=["192.0.2.0/24"]) as door:
        found = await knock(door.port, "192.0.2.0/24")
    assert found.level == "skip"


async def test_a_port_where_nothing_listens_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert (await knock(port)).what == f"127.0.0.1:{port}: nothing listens there"


async def test_a_port_that_says_nothing_fails_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_door, "ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = await knock(silent.getsockname()[1])
    assert "says nothing by HTTP" in found.what
