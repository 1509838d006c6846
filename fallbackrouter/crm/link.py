"""One TCP connection to the CRM, on a raw socket: bounded reads, and a close that never waits.

Its rules:

- a read takes at most `READ_BYTES`, and every read after the first of an answer lets the loop turn, as a peer that
  floods would else be parsed without a pause;
- no more bytes come in than are allowed, on the wire, encryption and framing included;
- `close` needs no await, so that a cancelled task can always finish it.

A raw socket instead of asyncio's transports, as those read ahead, up to 256 KiB at a time, and keep a socket whose
TLS handshake was cancelled.
"""

import asyncio
import socket
from contextlib import suppress

READ_BYTES = 8192


class TooManyBytesError(Exception):
    """The peer sent more than was allowed."""


class Link:
    """A connected socket.

    Args:
        connected: non-blocking and connected; the link closes it.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._loop = asyncio.get_running_loop()
        self._left_bytes = 0
        self._reads = 0
        self._busy = 0
        self._closed = False

    def expect(self, allowed_bytes: int) -> None:
        """Begin a new answer: so many bytes may come in from now on."""
        self._left_bytes = allowed_bytes
        self._reads = 0

    def allow(self, more_bytes: int) -> None:
        """Let so many bytes more come in."""
        self._left_bytes += more_bytes

    async def receive(self) -> bytes:
        """Return what came in, b"" at the end.

        Raises:
            TooManyBytesError: it was more than is allowed.
            OSError: the connection was reset.
        """
        if self._reads:
            await asyncio.sleep(0)
        self._reads += 1
        data = await self._receive()
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise TooManyBytesError
        return data

    async def _receive(self) -> bytes:
        self._busy += 1
        try:
            return await self._loop.sock_recv(self.socket, READ_BYTES)
        finally:
            self._idle_again()

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of it.

        Raises:
            OSError: the connection is gone.
        """
        self._busy += 1
        try:
            await self._loop.sock_sendall(self.socket, data)
        finally:
            self._idle_again()

    def _idle_again(self) -> None:
        self._busy -= 1
        if self._closed and not self._busy:
            self.socket.close()

    def close(self) -> None:
        """Close the socket now; whoever waits on it is woken first and closes it then."""
        self._closed = True
        if self._busy:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        else:
            self.socket.close()
