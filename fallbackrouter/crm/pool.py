"""The connections that calls' questions go over: the one used last is used next, each for one question at a time.

Its rules: few are kept idle, for a few seconds, and the newest of them are, as the oldest are the likeliest to be
dead; whatever ends an exchange early, its connection is closed with it; nothing in here waits to close one.

httpcore2's own pool looks at every connection twice a question and shields each close from cancellation, for a fifth
of the time that a question takes; its connections are used as they are, with all that HTTP asks of them.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from typing import cast

import httpcore2

from fallbackrouter.core.verdict import Invalid
from fallbackrouter.crm.body import read_parts

MAX_IDLE = 8
"""The most connections kept idle: each that is dead may cost a call its live answer."""

_ENCODING = b"content-encoding"


async def _exchanged(
    connection: httpcore2.AsyncHTTPConnection, request: httpcore2.Request, max_bytes: int
) -> tuple[int, bytes | Invalid]:
    answer = await connection.handle_async_request(request)
    try:
        encoding = next((value for name, value in answer.headers if name.lower() == _ENCODING), b"").decode("latin-1")
        body = cast("AsyncGenerator[bytes, None]", aiter(cast("AsyncIterable[bytes]", answer.stream)))
        async with aclosing(body):
            return answer.status, await read_parts(body, encoding, answer.extensions["network_stream"], max_bytes)
    finally:
        await answer.aclose()


class Pool:
    """Connections by HTTP/1.1.

    Args:
        network: connects.
        context: for https; None where all is plain http.
        max_connections: at once; further questions wait for one.
        keepalive_s: how long a connection may be idle.
    """

    def __init__(
        self,
        network: httpcore2.AsyncNetworkBackend,
        *,
        context: ssl.SSLContext | None,
        max_connections: int,
        keepalive_s: float,
    ) -> None:
        self._network = network
        self._context = context
        self._keepalive_s = keepalive_s
        self._max_idle = min(MAX_IDLE, max_connections)
        self._free = asyncio.Semaphore(max_connections)
        self._idle: list[tuple[httpcore2.AsyncHTTPConnection, float]] = []  # with when each became so
        self._busy: set[httpcore2.AsyncHTTPConnection] = set()

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle ones and those under way."""
        return len(self._idle) + sum(not connection.is_closed() for connection in self._busy)

    async def exchange(
        self, method: bytes, url: httpcore2.URL, headers: Sequence[tuple[bytes, bytes]], content: bytes, max_bytes: int
    ) -> tuple[int, bytes | Invalid]:
        """Send a request and read its answer to the end, as only then the connection can serve again.

        Returns:
            The answer's status, and its body or why it may not be read.

        Raises:
            httpcore2.NetworkError, httpcore2.ProtocolError: the connection or the peer failed on the way.
        """
        request = httpcore2.Request(method=method, url=url, headers=headers, content=content)
        async with self._free:
            connection = await self._take(url.origin)
            self._busy.add(connection)
            try:
                return await _exchanged(connection, request, max_bytes)
            finally:
                self._busy.discard(connection)
                await self._give_back(connection)

    async def _take(self, origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        """Return the connection used last that is still open, or one that has yet to connect."""
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.can_handle_request(origin) and not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore2.AsyncHTTPConnection(
            origin, ssl_context=self._context, keepalive_expiry=self._keepalive_s, network_backend=self._network
        )

    async def _give_back(self, connection: httpcore2.AsyncHTTPConnection) -> None:
        """Keep a connection whose answer was read to its end; nothing here waits, even where a task is cancelled."""
        if not connection.is_idle() or connection.is_closed():
            await connection.aclose()
            return
        now_s = asyncio.get_running_loop().time()
        self._idle.append((connection, now_s))
        oldest, since_s = self._idle[0]
        if len(self._idle) > self._max_idle or now_s - since_s > self._keepalive_s:
            del self._idle[0]
            await oldest.aclose()

    async def drop_idle(self) -> None:
        """Close every idle connection: one did not answer in time, so the others may be dead too."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close all connections; exchanges under way end with a NetworkError or ProtocolError."""
        await self.drop_idle()
        for connection in list(self._busy):
            await connection.aclose()
