"""The connections that calls' questions go over: the one used last is used next, each for one question at a time.

Its rules: few are kept idle, for a few seconds, and the newest of them are, as the oldest are the likeliest to be
dead; whatever ends an exchange early, its connection is closed with it; nothing in here waits to close one; it sets no
deadline.

httpcore2 and h11, by which everything else is asked of the CRM, take 290 us of a processor for a question and its
answer; this takes 50, where all else that a call costs is 170.
"""

import asyncio
import ssl
from contextlib import suppress

import httpcore2

from fallbackrouter.core.verdict import Invalid
from fallbackrouter.crm.answer import Answer
from fallbackrouter.crm.body import WIRE_SHARE
from fallbackrouter.crm.link import READ_BYTES
from fallbackrouter.crm.requests import Asked
from fallbackrouter.crm.stream import Stream

MAX_IDLE = 8
"""The most connections kept idle: each that is dead may cost a call its live answer."""


class Connection:
    """One of them.

    Attributes:
        reusable: it may carry another question.
        used_s: when it carried one, on the loop's clock.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self.stream = stream
        self.reusable = True
        self.used_s = 0.0

    async def exchange(self, asked: Asked, max_bytes: int) -> tuple[int, bytes | Invalid]:
        """Send a request and read its answer to the end, as only then it can carry another.

        Returns:
            The answer's status, and its body or why it may not be read.

        Raises:
            httpcore2.NetworkError, httpcore2.ProtocolError: the connection or the peer failed on the way.
        """
        self.reusable = False
        with suppress(httpcore2.WriteError):  # what a peer says that takes no more of the question is its answer
            await self.stream.write(asked.request)
        answer = Answer(max_bytes, bodiless=asked.bodiless)
        try:
            await self._read(answer, max_bytes)
        finally:
            answer.let_go()
        if answer.refused is not None:
            return answer.status, answer.refused
        self.reusable = answer.reusable
        return answer.status, answer.body

    async def _read(self, answer: Answer, max_bytes: int) -> None:
        in_head = True
        while not answer.whole and answer.refused is None:
            answer.feed(await self.stream.read(READ_BYTES))
            if in_head and answer.status:
                in_head = False
                if isinstance(self.stream, Stream):
                    self.stream.allow(WIRE_SHARE * max_bytes)

    def ended(self) -> bool:
        """Tell whether the peer has ended it while it was idle."""
        return bool(self.stream.get_extra_info("is_readable"))


class Pool:
    """Connections to one host, by HTTP/1.1.

    Args:
        network: connects.
        host: as its URL names it; a certificate has to be its.
        context: for https; None for plain http.
        max_connections: at once; further questions wait for one.
        keepalive_s: how long a connection may be idle.
    """

    def __init__(
        self,
        network: httpcore2.AsyncNetworkBackend,
        host: str,
        port: int,
        *,
        context: ssl.SSLContext | None,
        max_connections: int,
        keepalive_s: float,
    ) -> None:
        if context is not None:
            context.set_alpn_protocols(["http/1.1"])
        self._network = network
        self._host = host
        self._port = port
        self._context = context
        self._keepalive_s = keepalive_s
        self._max_idle = min(MAX_IDLE, max_connections)
        self._free = asyncio.Semaphore(max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle ones and those that carry a question."""
        return len(self._idle) + len(self._busy)

    async def exchange(self, asked: Asked, max_bytes: int) -> tuple[int, bytes | Invalid]:
        """Send a request and read its answer to the end; see `Connection.exchange`."""
        async with self._free:
            connection = await self._take() or await self._connect()
            self._busy.add(connection)
            try:
                return await connection.exchange(asked, max_bytes)
            finally:
                self._busy.discard(connection)
                await self._give_back(connection)

    async def _take(self) -> Connection | None:
        """Return the connection used last that is still open, None where there is none."""
        due_s = asyncio.get_running_loop().time() - self._keepalive_s
        while self._idle:
            connection = self._idle.pop()
            if connection.used_s > due_s and not connection.ended():
                return connection
            await connection.stream.aclose()
        return None

    async def _connect(self) -> Connection:
        stream = await self._network.connect_tcp(self._host, self._port)
        return Connection(stream if self._context is None else await stream.start_tls(self._context, self._host))

    async def _give_back(self, connection: Connection) -> None:
        """Keep a connection that may be used again; nothing here waits, even where a task is cancelled."""
        if not connection.reusable:
            await connection.stream.aclose()
            return
        connection.used_s = asyncio.get_running_loop().time()
        self._idle.append(connection)
        oldest = self._idle[0]
        if len(self._idle) > self._max_idle or connection.used_s - oldest.used_s > self._keepalive_s:
            del self._idle[0]
            await oldest.stream.aclose()

    async def drop_idle(self) -> None:
        """Close every idle connection: one did not answer in time, so the others may be dead too."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.stream.aclose()

    async def aclose(self) -> None:
        """Close all connections; exchanges under way end with a NetworkError or ProtocolError."""
        await self.drop_idle()
        for connection in list(self._busy):
            await connection.stream.aclose()
