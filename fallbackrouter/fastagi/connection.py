"""One connection's bytes: a protocol that hands them to panoramisk's handler as a reader and a writer.

asyncio's streams would do, but what they set up for one short call costs as much as deciding it. This reader and this
writer are what FastAGI needs of theirs, and no more. The handler begins with the first bytes: a peer that says nothing
costs no task.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

MAX_LINE_BYTES = 16_384
"""The most that is held of a line without an end, and of what the peer sends ahead."""


class Reader:
    """What came from the peer and was not read yet; as an asyncio.StreamReader, for one reader at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held = b""
        self._ended = False
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed_data(self, data: bytes) -> None:
        """Take bytes; those beyond any bound are dropped, as whoever sends them so fast is not Asterisk."""
        if len(self._held) <= MAX_LINE_BYTES:
            self._held += data
        self._wake()

    def feed_eof(self) -> None:
        """Note that nothing more will come."""
        self._ended = True
        self._wake()

    def set_exception(self, fault: Exception) -> None:
        """Note that the connection is broken."""
        self._fault = fault
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _more(self) -> None:
        """Wait for more, or the end.

        Raises:
            Exception: what broke the connection.
        """
        if self._fault is not None:
            raise self._fault
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._fault is not None:
            raise self._fault

    async def read(self, limit: int) -> bytes:
        """Return what is there, at most so much; b"" at the end."""
        while not self._held and not self._ended:
            await self._more()
        data, self._held = self._held[:limit], self._held[limit:]
        return data

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Return a line with its end.

        Raises:
            asyncio.IncompleteReadError: the end came before it.
            asyncio.LimitOverrunError: it has none within MAX_LINE_BYTES.
        """
        while (found := self._held.find(separator)) < 0:
            if len(self._held) > MAX_LINE_BYTES:
                raise asyncio.LimitOverrunError("a line has no end", len(self._held))
            if self._ended:
                raise asyncio.IncompleteReadError(self._held, None)
            await self._more()
        end = found + len(separator)
        line, self._held = self._held[:end], self._held[end:]
        return line


class Writer:
    """The way to the peer; as an asyncio.StreamWriter, for answers that always fit the socket's buffer."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def write(self, data: bytes) -> None:
        """Send."""
        self.transport.write(data)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
"""panoramisk's: Application.handler."""


class Connection(asyncio.Protocol):
    """One connection, from its first byte to its last.

    Args:
        admit: lets the peer in, or drops it and returns None; else the handler.
    """

    def __init__(self, admit: Callable[[asyncio.Transport], Handler | None]) -> None:
        self._admit = admit
        self._handler: Handler | None = None
        self._task: asyncio.Task[None] | None = None
        self._reader: Reader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or not."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._handler = self._admit(self._transport)

    def _start(self) -> Reader | None:
        """Return the reader; the first time, have the handler read from it. None where the peer was not let in."""
        if self._reader is None and self._handler is not None:
            loop = asyncio.get_running_loop()
            self._reader = Reader(loop)
            reader = cast("asyncio.StreamReader", self._reader)
            writer = cast("asyncio.StreamWriter", Writer(self._transport))
            self._task = loop.create_task(self._handler(reader, writer))
        return self._reader

    def data_received(self, data: bytes) -> None:
        """Hand bytes over."""
        reader = self._start()
        if reader is not None:
            reader.feed_data(data)

    def eof_received(self) -> bool:
        """Note the end of the peer's words; it may still want to hear ours."""
        reader = self._start()
        if reader is not None:
            reader.feed_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the connection."""
        reader = self._start()
        if reader is None:
            return
        if exc is None:
            reader.feed_eof()
        else:
            reader.set_exception(exc)
