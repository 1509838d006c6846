"""Takes connections from listening sockets that were handed in, and lets in who may ask; FastAGI's and HTTP's alike."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from fallbackrouter.clock import Clock
from fallbackrouter.entrance.allow import AllowList
from fallbackrouter.entrance.held import Held
from fallbackrouter.entrance.scarce import ScarceServer
from fallbackrouter.log import get_log

BACKLOG = 1_024
"""asyncio calls listen() once more, and would make it 100; 20 lost 1 % of calls at 100 at a time."""
SEND_TIMEOUT_S = 2.0
MAX_STRANGERS = 1_000
"""Of so many refused addresses the log tells, once each."""

log = get_log("entrance")


class Reception:
    """The one reception of a call worker, whatever its peers speak.

    Args:
        allow: networks that may ask; others are dropped before a byte is read.
        max_calls: connections held at once; past it silent peers go first, then calls are answered from instant tiers.
        scarce: there are file descriptors for no more than that; further calls wait to be accepted.
        header_timeout_s: how long a question may take to arrive.
        send_timeout_s: how long the peer may take to read an answer and reply.

    Attributes:
        counts: connections by what became of them; here accepted, refused_address, silent, idle, shed and unread.
        held: the connections in hand.

    Raises:
        ValueError: an entry of `allow` is no network.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str],
        max_calls: int,
        clock: Clock,
        scarce: bool = False,
        header_timeout_s: float = 2.0,
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._allow = AllowList(allow)
        self.counts: Counter[str] = Counter()
        self.held = Held(
            clock=clock,
            counts=self.counts,
            max_calls=max_calls,
            busy_above=max_calls // 2 if scarce else None,
            header_s=header_timeout_s,
            send_s=send_timeout_s,
        )
        self._servers: list[asyncio.Server | ScarceServer] = []
        self._scarce_room = max_calls if scarce else None
        self._strangers: set[str] = set()

    async def listen(self, sockets: Sequence[socket.socket], make: Callable[[], asyncio.Protocol]) -> None:
        """Accept connections from these listening sockets; `make` makes the protocol of each."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            if self._scarce_room is None:
                self._servers.append(await loop.create_server(make, sock=listener, backlog=BACKLOG))
            else:
                self._servers.append(ScarceServer(listener, make, self.held, self._scarce_room))

    def admit(self, transport: asyncio.Transport) -> bool:
        """Let a connection in, or drop it at once."""
        peer = transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) and peer else ""
        if not self._allow.admits(host):
            self._refuse(transport, host)
            return False
        self.counts["accepted"] += 1
        self.held.open(transport)
        return True

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections in hand go on."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def drain(self, within_s: float) -> None:
        """Wait until no connection is in hand, for at most so long; then those left are cut."""
        await self.held.emptied(within_s)

    def _refuse(self, transport: asyncio.Transport, host: str) -> None:
        self.counts["refused_address"] += 1
        transport.abort()
        if host and host not in self._strangers and len(self._strangers) < MAX_STRANGERS:
            self._strangers.add(host)
            log.warning("an address outside agi.allow was refused; further ones of it are only counted", address=host)
