"""The FastAGI door: takes connections from listening sockets that were handed in, and lets in who may ask."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import Clock
from fallbackrouter.fastagi.allow import AllowList
from fallbackrouter.fastagi.application import CallApplication
from fallbackrouter.fastagi.connection import Connection, Handler
from fallbackrouter.fastagi.desk import Desk
from fallbackrouter.fastagi.held import Held
from fallbackrouter.fastagi.scarce import ScarceServer
from fallbackrouter.log import get_log

BACKLOG = 1_024
"""asyncio calls listen() once more, and would make it 100; 20 lost 1 % of calls at 100 at a time."""
SEND_TIMEOUT_S = 2.0
MAX_STRANGERS = 1_000
"""Of so many refused addresses the log tells, once each."""

log = get_log("fastagi")


class AgiServer:
    """The FastAGI server of a call worker.

    Args:
        router: who answers.
        grammar: returns what paths and stages mean now.
        shape: which variables an answer sets.
        allow: networks that may ask; others are dropped before a byte is read.
        max_calls: connections held at once; past it silent peers go first, then calls are answered from instant tiers.
        scarce: there are file descriptors for no more than that; further calls wait to be accepted.
        header_timeout_s: how long a header block may take to arrive.
        send_timeout_s: how long the peer may take to read an answer and reply.

    Attributes:
        counts: connections by what became of them: accepted, refused_address, answered, events, eof, gone, garbage,
            too_big, silent, unread, shed, closed (cut while draining), faults; and busy,
            unknown_path, hung_up, refused_commands among those.

    Raises:
        ValueError: an entry of `allow` is no network.
    """

    def __init__(
        self,
        *,
        router: Desk[Any],
        grammar: Callable[[], Grammar],
        shape: AnswerShape,
        allow: Sequence[str],
        max_calls: int,
        clock: Clock,
        scarce: bool = False,
        header_timeout_s: float = 2.0,
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._allow = AllowList(allow)
        self.counts: Counter[str] = Counter()
        self._held = Held(
            clock=clock,
            counts=self.counts,
            max_calls=max_calls,
            busy_above=max_calls // 2 if scarce else None,
            header_s=header_timeout_s,
            send_s=send_timeout_s,
        )
        self._make_application = partial(
            CallApplication,
            desk=router,
            grammar=grammar,
            shape=shape,
            held=self._held,
            counts=self.counts,
            clock=clock,
        )
        self._application: CallApplication | None = None
        self._servers: list[asyncio.Server | ScarceServer] = []
        self._scarce_room = max_calls if scarce else None
        self._strangers: set[str] = set()

    @property
    def held(self) -> int:
        """How many connections are in hand."""
        return len(self._held)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections from these listening sockets."""
        self._application = self._make_application()
        loop = asyncio.get_running_loop()
        for listener in sockets:
            make = partial(Connection, self._admit)
            if self._scarce_room is None:
                self._servers.append(await loop.create_server(make, sock=listener, backlog=BACKLOG))
            else:
                self._servers.append(ScarceServer(listener, make, self._held, self._scarce_room))

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections in hand go on."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def drain(self, within_s: float) -> None:
        """Wait until no connection is in hand, for at most so long; then those left are cut."""
        await self._held.emptied(within_s)

    def _admit(self, transport: asyncio.Transport) -> Handler | None:
        """Let a connection in, or drop it at once."""
        peer = transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) and peer else ""
        if self._application is None or not self._allow.admits(host):
            self._refuse(transport, host)
            return None
        self.counts["accepted"] += 1
        self._held.open(transport)
        return self._application.handler

    def _refuse(self, transport: asyncio.Transport, host: str) -> None:
        self.counts["refused_address"] += 1
        transport.abort()
        if host and host not in self._strangers and len(self._strangers) < MAX_STRANGERS:
            self._strangers.add(host)
            log.warning("an address outside agi.allow was refused; further ones of it are only counted", address=host)
