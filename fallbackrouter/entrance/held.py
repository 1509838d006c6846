"""The connections in hand: how many, how long each may take, and who goes first when there are too many.

A connection waits for its question, is answered (the router bounds that), and its answer is sent; it may then rest
until its next question. All but the second depend on the peer, so they end by force when their time is over. All waits
of a kind are equally long, so the oldest stands first and one look at intervals is enough; no connection has a timer of
its own.

No peer that has sent something is cut for our own slowness: what it sent may be an event, which nobody sends twice.
"""

import asyncio
import select
from collections.abc import Callable, MutableMapping
from itertools import islice, takewhile
from typing import TypeAlias

from fallbackrouter.clock import Clock

Transport: TypeAlias = asyncio.WriteTransport
MAX_STEP_S = 0.1
"""The longest between two looks at who has had his time."""
SILENT_S = 0.1
"""How long a peer may be silent while others want its place."""
_ASKED_AT_ONCE = 32
"""Among so many of the oldest one is sought that is silent."""


class Held:
    """Connections in hand.

    Args:
        counts: `silent`, `idle` (resting for too long), `shed` and `unread` are counted here.
        busy_above: with more than these in hand none may wait for the live CRM; None: with more than `max_calls`.
        header_s: how long a question may take to arrive, and how long a connection may rest before it.
        send_s: how long the peer may take to read the answer and reply.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        counts: MutableMapping[str, int],
        max_calls: int,
        header_s: float,
        send_s: float,
        busy_above: int | None = None,
    ) -> None:
        self._clock = clock
        self._counts = counts
        self._max_calls = max_calls
        self._busy_above = max_calls if busy_above is None else busy_above
        self._header_s = header_s
        self._send_s = send_s
        self._step_s = min(MAX_STEP_S, header_s / 4, send_s / 4)
        self._waiting: dict[Transport, float] = {}
        self._sending: dict[Transport, float] = {}
        self._resting: set[Transport] = set()
        self._all: set[Transport] = set()
        self._looking = False
        self._emptied: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._all)

    @property
    def busy(self) -> bool:
        """There are so many that none may wait for the live CRM."""
        return len(self._all) > self._busy_above

    def open(self, transport: Transport) -> None:
        """Take a connection that will send its header; if there are too many, those that are silent go."""
        while len(self._all) >= self._max_calls and self.let_go_silent():
            pass
        self._all.add(transport)
        self._waiting[transport] = self._clock.now_s()
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(self._step_s, self._look_soon)

    def let_go_silent(self) -> bool:
        """Cut the oldest connection that has been silent for a while, or that rests; tell whether there was one."""
        before_s = self._clock.now_s() - SILENT_S
        for transport, since_s in islice(self._waiting.items(), _ASKED_AT_ONCE):
            if (transport in self._resting or since_s <= before_s) and not has_sent(transport):
                self._cut(transport, "shed")
                return True
        return False

    def arrived(self, transport: Transport) -> float | None:
        """Note that the header is there; return when the connection was taken, None if it has been cut."""
        return self._waiting.pop(transport, None)

    def sending(self, transport: Transport) -> float:
        """Note that the answer is ready to be sent, and return the moment, monotonic."""
        now_s = self._sending[transport] = self._clock.now_s()
        return now_s

    def rest(self, transport: Transport) -> None:
        """Note that an answer has left, and that the connection may bring another question."""
        self._sending.pop(transport, None)
        if transport in self._all:
            self._resting.add(transport)
            self._waiting[transport] = self._clock.now_s()

    def began(self, transport: Transport) -> None:
        """Note that a resting connection's next question has begun to arrive."""
        if transport in self._resting:
            self._resting.discard(transport)
            self._waiting.pop(transport, None)
            self._waiting[transport] = self._clock.now_s()

    def close(self, transport: Transport) -> bool:
        """Let a connection go; return whether it went by itself, not by force."""
        self._resting.discard(transport)
        self._waiting.pop(transport, None)
        self._sending.pop(transport, None)
        here = transport in self._all
        self._all.discard(transport)
        if not self._all and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)
        return here

    async def emptied(self, within_s: float) -> None:
        """Wait until no connection is in hand, at most so long; those left are cut, those that rest at once."""
        for transport in list(self._resting):
            self._cut(transport, "idle")
        if self._all:
            self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._emptied}, timeout=within_s)
            self._emptied = None
        for transport in list(self._all):
            transport.abort()

    def _look_soon(self) -> None:
        """Look once those who have been heard in this turn of the loop have had theirs."""
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Cut those whose time is over."""
        now_s = self._clock.now_s()
        self._cut_before(self._waiting, now_s - self._header_s, "silent", unless=has_sent)
        self._cut_before(self._sending, now_s - self._send_s, "unread")
        while len(self._all) > self._max_calls and self.let_go_silent():
            pass
        self._looking = bool(self._all)
        if self._looking:
            asyncio.get_running_loop().call_later(self._step_s, self._look_soon)

    def _cut_before(
        self,
        since: dict[Transport, float],
        before_s: float,
        why: str,
        unless: Callable[[Transport], bool] = lambda _: False,
    ) -> None:
        late = [transport for transport, _ in takewhile(lambda item: item[1] <= before_s, since.items())]
        for transport in late:
            if not unless(transport):
                self._cut(transport, "idle" if transport in self._resting else why)

    def _cut(self, transport: Transport, why: str) -> None:
        self._counts[why] += 1
        self.close(transport)
        transport.abort()


def has_sent(transport: Transport) -> bool:
    """Tell whether a peer has sent something that was not read yet."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return False
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    return bool(heard.poll(0))
