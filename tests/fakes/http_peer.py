"""A peer that speaks HTTP byte by byte, as a test wants it."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def post(path: str, body: str, *headers: str) -> bytes:
    """Return a form's request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *headers, f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body]).encode()


class Peer:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def answer(self) -> Answer:
        """Read one answer."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(head[0].split()[1]), headers, body)

    async def rest(self) -> bytes:
        """Read what comes until the end."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()


async def posted(port: int, data: bytes) -> Answer:
    """Send a request on a connection of its own, and return the answer."""
    async with Peer(port) as peer:
        peer.send(data)
        return await peer.answer()
