"""A connection as httpcore2 wants it, plain or under TLS, with foreign exceptions translated once.

Its rules: an answer's head may take `HEAD_BYTES` on the wire, and more only once `allow` said so; few interim answers
may come before it, as h11 takes a whole read of them, 200 in 9 ms, without letting anyone else run; a used connection
that ends before the first byte of an answer is told apart, as the question can simply be asked again.
"""

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import httpcore2

from fallbackrouter.crm.drill import CONNECT, met_now
from fallbackrouter.crm.link import Link, TooManyBytesError
from fallbackrouter.crm.tls import RECORD_BYTES, Tls

HEAD_BYTES = 16_384
"""The most that may come in before the answer's head is complete, interim answers (1xx) included."""

_END_OF_HEAD = b"\r\n\r\n"
MAX_INTERIM = 8
"""The most interim answers before the answer; a CRM has use for one."""
_INTERIM = re.compile(rb"^HTTP/1\.[01] 1", re.MULTILINE)

T = TypeVar("T")


class TooLongError(httpcore2.ReadError):
    """The answer takes more bytes than are allowed."""


class GoneWhileIdleError(httpcore2.ReadError):
    """A connection that had carried an answer ended before the first byte of this one."""


class Stream(httpcore2.AsyncNetworkStream):
    """One connection; httpcore2 uses it for one exchange at a time."""

    def __init__(self, connected: socket.socket) -> None:
        self._link = Link(connected)
        self._tls: Tls | None = None
        self._unsent = b""
        self._used = False
        self._answering = False
        self._in_head = True
        self._interim_left = MAX_INTERIM

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's signature
        """Return what came in, b"" at the end."""
        if self._unsent:
            with suppress(httpcore2.WriteError):  # as httpcore2 does: what the peer has to say to it is read
                await self._send(b"", timeout)
        with _translated(httpcore2.ReadError, httpcore2.ReadTimeout):
            data = await _within(timeout, self._receive(max_bytes))
        self._answering = self._answering or bool(data)
        if self._in_head:
            self._count_interim(data)
        return data

    def _count_interim(self, data: bytes) -> None:
        self._interim_left -= len(_INTERIM.findall(data))
        if self._interim_left < 0:
            raise TooLongError(f"more than {MAX_INTERIM} interim answers")

    async def _receive(self, max_bytes: int) -> bytes:
        met = met_now()
        if met is not None:
            await asyncio.sleep(met.take_delay_s())
            if played := met.take_answer():
                return played
        try:
            data = await (self._tls.receive(max_bytes) if self._tls else self._link.receive())
        except ConnectionError as error:
            if self._used and not self._answering:
                raise GoneWhileIdleError(error) from error
            raise
        if not data and self._used and not self._answering:
            raise GoneWhileIdleError
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's signature
        """Send all of it; a head, with what comes behind it: one packet, and one time that the CRM is woken."""
        if not buffer:
            return
        met = met_now()
        if met is not None and met.fault == CONNECT:
            raise refused()  # this connection was open before; httpcore2 would suppress a WriteError
        self._used = self._used or self._answering
        self._answering = False
        self._in_head = True
        self._interim_left = MAX_INTERIM
        self._link.expect(HEAD_BYTES + (RECORD_BYTES if self._tls else 0))
        if met is not None and met.unsent:
            return
        if buffer.endswith(_END_OF_HEAD) and not self._unsent:
            self._unsent = buffer
        else:
            await self._send(buffer, timeout)

    async def _send(self, buffer: bytes, timeout: float | None) -> None:  # noqa: ASYNC109 - httpcore2's signature
        whole, self._unsent = self._unsent + buffer, b""
        with _translated(httpcore2.WriteError, httpcore2.WriteTimeout):
            await _within(timeout, self._tls.send(whole) if self._tls else self._link.send(whole))

    def allow(self, more_bytes: int) -> None:
        """Let so many bytes more come in: the answer's head was acceptable."""
        self._in_head = False
        self._link.allow(more_bytes)

    async def aclose(self) -> None:
        """Close at once; nothing in here waits."""
        self._link.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
    ) -> httpcore2.AsyncNetworkStream:
        """Run the handshake; a failed or cancelled one leaves no socket behind."""
        try:
            with _translated(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                tls = Tls(self._link, ssl_context, server_hostname)
                async with asyncio.timeout(timeout):
                    await tls.shake_hands()
        except BaseException:
            self._link.close()
            raise
        self._tls = tls
        return self

    def get_extra_info(self, info: str) -> object:
        """Return what httpcore2 asks for, None for everything else."""
        if info == "ssl_object":
            return self._tls.object if self._tls else None
        if info == "socket":
            return self._link.socket
        return self._link.closed or self._link.has_unread if info == "is_readable" else None


def refused() -> httpcore2.ConnectError:
    """Return what a refused connection is told as, for a drill."""
    return httpcore2.ConnectError(ConnectionRefusedError(errno.ECONNREFUSED, "refused by a drill"))


async def _within(timeout: float | None, work: Coroutine[Any, Any, T]) -> T:  # noqa: ASYNC109 - httpcore2's signature
    if timeout is None:
        return await work
    async with asyncio.timeout(timeout):
        return await work


@contextmanager
def _translated(failure: type[httpcore2.NetworkError], late: type[httpcore2.TimeoutException]) -> Iterator[None]:
    """Turn the system's exceptions into httpcore2's; the cause is the argument, as httpcore2 drops `__cause__`."""
    try:
        yield
    except TooManyBytesError as error:
        raise TooLongError from error
    except TimeoutError as error:
        raise late from error
    except (OSError, ValueError) as error:
        raise failure(error) from error
