"""The transport under httpx2: httpcore2's pool over our own network.

Its rules: HTTP/1.1 only, as a dead HTTP/2 connection never recovers; few connections are kept idle, for a few
seconds; no cookies come back, as a CRM's session is nothing to us. httpcore2's exceptions pass as they are:
crm.faults puts them into words.
"""

import ssl
from collections.abc import AsyncIterable, AsyncIterator

import httpcore2
import httpx2

from fallbackrouter.crm.pool import MAX_IDLE


class _Body(httpx2.AsyncByteStream):
    """An answer's body."""

    def __init__(self, body: AsyncIterable[bytes], answer: httpcore2.Response) -> None:
        self._body = body
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


class Transport(httpx2.AsyncBaseTransport):
    """A pool of connections.

    Args:
        network: connects.
        context: for https; None where the URL is plain http.
        max_connections: at once; further requests wait for one.
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
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=max_connections,
            max_keepalive_connections=min(MAX_IDLE, max_connections),
            keepalive_expiry=keepalive_s,
            http2=False,
            network_backend=network,
        )

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle ones and those under way."""
        return sum(not connection.is_closed() for connection in self._pool.connections)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the answer's body is still to be read."""
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        if not isinstance(answer.stream, AsyncIterable):
            raise TypeError("the pool gave an answer that cannot be read")
        return httpx2.Response(
            status_code=answer.status,
            headers=[(name, value) for name, value in answer.headers if name.lower() != b"set-cookie"],
            stream=_Body(answer.stream, answer),
            extensions=answer.extensions,
        )

    async def drop_idle(self) -> None:
        """Close every idle connection: one did not answer in time, so the others may be dead too.

        One that a request has just been given is noticed by the pool, which takes another for it.
        """
        for connection in self._pool.connections:
            if connection.is_idle():
                await connection.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


async def rehearse() -> None:
    """Walk one exchange through without a network: the first of a process loads modules, for some 40 ms."""
    script = httpcore2.AsyncMockBackend([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    transport = Transport(script, context=None, max_connections=1, keepalive_s=0)
    async with httpx2.AsyncClient(transport=transport, timeout=None, trust_env=False) as http:
        await http.post("http://127.0.0.1/", content=b"{}")
