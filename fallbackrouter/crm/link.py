"""One TCP connection to the CRM, on a raw socket: bounded reads, and a close that never waits.

Its rules:

- a read takes at most `READ_BYTES`, and between two of them the loop turns, as a peer that floods would else be parsed
  without a pause;
- no more bytes come in than are allowed, on the wire, encryption and framing included;
- what comes in while nobody reads is left to the system, but for the news that there is something: from a peer that
  was asked nothing, that is the end;
- `close` needs no await, so that a cancelled task can always finish it.

A raw socket instead of asyncio's transports, as those read ahead, up to 256 KiB at a time, and keep a socket whose
TLS handshake was cancelled. It is watched all its life: the loop's `sock_recv` begins to watch it anew for each answer,
which takes uvloop eight system calls more.
"""

import asyncio
import errno
import socket
from contextlib import suppress

READ_BYTES = 8192


class TooManyBytesError(Exception):
    """The peer sent more than was allowed."""


class Link:
    """A connected socket.

    Attributes:
        has_unread: something came in while nobody read, be it the peer's end.
        closed: by this side.

    Args:
        connected: non-blocking and connected; the link closes it.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._left_bytes = 0
        self._waiting: asyncio.Future[bytes] | None = None
        self._sending = 0
        self._watch()

    def expect(self, allowed_bytes: int) -> None:
        """Begin a new answer: so many bytes may come in from now on."""
        self._left_bytes = allowed_bytes

    def allow(self, more_bytes: int) -> None:
        """Let so many bytes more come in."""
        self._left_bytes += more_bytes

    async def receive(self) -> bytes:
        """Return what came in, b"" at the end, this side's too; one task at a time.

        Raises:
            TooManyBytesError: it was more than is allowed.
            OSError: the connection was reset.
        """
        if self.closed:
            return b""
        if self.has_unread:
            self._watch()
        data = await self._come_in()
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise TooManyBytesError
        return data

    async def _come_in(self) -> bytes:
        self._waiting = self._loop.create_future()
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _watch(self) -> None:
        self.has_unread = False
        self._loop.add_reader(self.socket, self._readable)

    def _readable(self) -> None:
        """Read for whoever waits; else stop watching, as the loop would tell of it again and again."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.has_unread = True
            self._loop.remove_reader(self.socket)
            return
        try:
            waiting.set_result(self.socket.recv(READ_BYTES))
        except BlockingIOError:
            return
        except OSError as error:
            waiting.set_exception(error)

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of it.

        Raises:
            OSError: the connection is gone.
        """
        if self.closed:
            raise OSError(errno.EBADF, "closed")
        self._sending += 1
        try:
            await self._loop.sock_sendall(self.socket, data)
        finally:
            self._sent()

    def _sent(self) -> None:
        self._sending -= 1
        if self.closed and not self._sending:
            self.socket.close()

    def close(self) -> None:
        """Close the socket now; whoever sends is woken first and closes it then."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self.socket)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(b"")
        if self._sending:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        else:
            self.socket.close()
