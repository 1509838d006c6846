"""uvicorn, as this process runs it: on an inherited socket, without signals or lines of its own, and within bounds."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from fallbackrouter.admin.gate import MAX_HEAD_BYTES

HEAD_S = 15.0
"""What a peer has to send a request's whole head: from its connection, or from the end of the answer before."""
TAKE_S = 30.0
"""What a peer has to take enough of an answer that more can be sent; one that takes nothing holds no place for long."""
MAX_CONNECTIONS = 500
KEEP_ALIVE_S = 14
BACKLOG = 1024
_BARE = re.compile(rb"[\x80-\xff]")


class Server(uvicorn.Server):
    """uvicorn's server; whom to stop, and when, is the parent's to decide."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def make_server(
    app: Any, *, admits: Callable[[str], bool], cert: str = "", key: str = "", leave_s: float = 1.0
) -> Server:
    """Return the server for an ASGI app.

    Args:
        admits: tells whether an address may connect.
        cert: PEM file of the certificate, "" for plain HTTP.
        leave_s: what requests in hand have to end.

    Raises:
        OSError: certificate or key cannot be used.
    """
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)  # what is worth knowing is logged by the gate
    config = uvicorn.Config(
        app,
        http=_protocol(admits),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(leave_s)),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ssl_certfile=cert or None,
        ssl_keyfile=key or None,
    )
    config.load()
    return Server(config)


async def serve(
    server: Server, listeners: list[socket.socket], leaving: asyncio.Event, end: Callable[[], None] = lambda: None
) -> None:
    """Serve until it is time to leave.

    Args:
        end: has answers end that would go on for ever.
    """
    serving = asyncio.create_task(server.serve(listeners), name="serve")
    waiting = asyncio.create_task(leaving.wait(), name="leaving")
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    end()
    server.should_exit = True
    await serving


def _quoted(line: bytes) -> bytes:
    """Return a request line with letters beyond ASCII as URLs spell them; CRMs send them bare, Asterisk takes it."""
    return _BARE.sub(lambda found: b"%%%02X" % found[0][0], line)


def _protocol(admits: Callable[[str], bool]) -> type[H11Protocol]:
    return type("Bounded", (_Bounded,), {"admits": staticmethod(admits)})


class _Bounded(H11Protocol):
    """HTTP/1.1 with those who may connect, as long as they speak."""

    admits: Callable[[str], bool]
    _head_timer: asyncio.TimerHandle | None = None
    _take_timer: asyncio.TimerHandle | None = None
    _line_came = False
    """Whether the request line that is awaited has come whole."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is None or not self.admits(self.client[0]):
            transport.abort()
            return
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if not self._line_came:
            line, end, more = data.partition(b"\n")
            data = _quoted(line) + end + more
            self._line_came = bool(end)
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._cancel()
        elif self._head_timer is None:
            self._await_head()

    def on_response_complete(self) -> None:
        self._line_came = False
        super().on_response_complete()
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._take_timer = self.loop.call_later(TAKE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_take()

    def _cancel_take(self) -> None:
        if self._take_timer is not None:
            self._take_timer.cancel()
            self._take_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        self._cancel_take()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._cancel()
        if not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)

    def _cancel(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
