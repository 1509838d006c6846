"""One connection, from its first byte to its last: bytes to requests, one after the other, and replies to bytes.

A peer that says nothing costs no task: one is made for each request that is whole. After a refusal what the peer still
sends is thrown away until it closes or its time is over, so that it can read why.
"""

import asyncio
from typing import cast

from fallbackrouter.clock import Clock
from fallbackrouter.entrance.reception import Reception
from fallbackrouter.httproute.head import Refusal
from fallbackrouter.httproute.message import Heard, HttpRequest, Talk
from fallbackrouter.httproute.reply import Reply, refusal_reply
from fallbackrouter.httproute.service import HttpService

MAX_THROWN_BYTES = 1_048_576
"""What a peer may still send after a refusal."""


class Connection(asyncio.Protocol):
    """A peer that speaks HTTP."""

    def __init__(self, service: HttpService, reception: Reception, clock: Clock) -> None:
        self._service = service
        self._reception = reception
        self._held = reception.held
        self._counts = reception.counts
        self._clock = clock
        self._talk = Talk()
        self._task: asyncio.Task[None] | None = None
        self._admitted = False
        self._refused = False
        self._resting = False
        self._thrown = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or not."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._admitted = self._reception.admit(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if not self._admitted:
            return
        if self._refused:
            self._thrown += len(data)
            if self._thrown > MAX_THROWN_BYTES:
                self._transport.abort()
            return
        if self._resting:
            self._resting = False
            self._held.began(self._transport)
        self._hear(self._talk.feed(data))

    def eof_received(self) -> bool:
        """Note the end of the peer's words; it may still want to hear ours."""
        if self._admitted and not self._refused:
            self._hear(self._talk.feed(b""))
        return self._task is not None and not self._refused

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the connection go; one whose request is in hand stays in hand until that is answered or stored."""
        del exc  # however it ended
        if self._admitted and self._task is None:
            self._held.close(self._transport)

    def _hear(self, heard: Heard) -> None:
        if interim := self._talk.take_interim():
            self._transport.write(interim)
        if isinstance(heard, Refusal):
            self._refuse(heard)
        elif heard is not None:
            self._task = asyncio.get_running_loop().create_task(self._answer(heard))
        elif self._talk.over and self._task is None:
            self._transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        self._refused = True
        self._counts["http_refused"] += 1
        self._held.arrived(self._transport)
        self._held.sending(self._transport)
        self._write(refusal_reply(refusal))
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    async def _answer(self, request: HttpRequest) -> None:
        came_s = self._held.arrived(self._transport)
        if came_s is None:
            return
        started_s = self._clock.now_s()
        served = await self._service.serve(request, started_s, (started_s - came_s) * 1000)
        self._task = None
        if self._transport.is_closing():
            if self._held.close(self._transport):
                self._counts["gone"] += 1
            return
        self._counts[served.name] += 1
        ready_s = self._held.sending(self._transport)
        self._write(served.reply)
        self._service.sent(served, (self._clock.now_s() - ready_s) * 1000)
        self._go_on()

    def _write(self, reply: Reply) -> None:
        self._transport.write(self._talk.reply(reply.status, list(reply.headers), reply.body))

    def _go_on(self) -> None:
        """Rest until the next request, or begin with one that is here already; else the connection ends."""
        if self._transport.get_write_buffer_size() > 0:
            self._transport.close()  # a peer that does not read gets no second answer to not read
            return
        heard = self._talk.next()
        if not self._talk.over or heard is not None:
            self._held.rest(self._transport)
            self._resting = heard is None
        self._hear(heard)
