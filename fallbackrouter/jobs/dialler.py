"""Makes the calls that wait: gives them to the exchange, follows them, and keeps how they ended.

Its rules:

- that a call is sent is in the journal before it is sent; one of which no answer came is never sent again;
- the exchange has to be there: right before calls are sent it answers a ping, so that none lies in the buffer of one
  that stands still and is made late;
- a call has ended when no channel of it is left, whatever became of its first one;
- what a call has come to is kept in memory until the journal has it;
- what the exchange says of a call may be lost, as may the connection: the channels that live tell the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from fallbackrouter.ami.calls import ORIGINATED, Answered, HungUp, originate_fields, read_news
from fallbackrouter.ami.client import Channel, Reply
from fallbackrouter.ami.session import Order
from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import AmiError, NotSentError
from fallbackrouter.core.outcall import ENDS, OutCall, State, Wanted, unanswered
from fallbackrouter.jobs.pace import Pace
from fallbackrouter.jobs.turns import Turns
from fallbackrouter.store.calls import CallQueue, Counts

POLL_S = 0.4
"""How soon a new call is seen that nobody told of."""
LOOK_S = 10.0
"""How often calls under way are compared with the channels that live."""
SOON_S = 0.3
"""The same where a channel of a call was hung up."""
GRACE_S = 5.0
"""For how long a call has to be without a channel, of which nothing was heard."""
HEAR_S = 1.0
"""The same where a channel was hung up, and nothing was heard of how the ringing went: that word is on its way."""
ANSWER_S = 5.0
PING_S = 2.0
UNSEEN = "nobody heard whether it was made, and it is not made again"
MADE_UNSEEN = "it was made, and nobody heard how it went"
END_UNSEEN = "its end was not seen"


class Exchange(Protocol):
    """Who makes the calls: ami.client."""

    @property
    def connected(self) -> bool:
        """Whether it can be asked."""
        ...

    async def action(self, fields: Order, within_s: float) -> Reply:
        """Send an action; raises AmiError."""
        ...

    async def channels(self, within_s: float = 10.0) -> list[Channel]:
        """Return the channels that live; raises AmiError."""
        ...


class InThread(Protocol):
    """Runs what may stall in the queue's thread."""

    def __call__(self, work: Callable[[], Any], /) -> Awaitable[Any]:
        """Run it there, and return what it returns."""
        ...


@dataclass(slots=True)
class _Live:
    """A call under way.

    Attributes:
        call: what it has come to.
        kept: the same, as the journal has it.
        reason: what Asterisk said of ringing, see core.outcall.unanswered; None: nothing yet.
        cause: of the latest hangup that had one.
        hung_at: when the latest hangup came.
        absent_s: since when it has no channel, monotonic; None: it has one, or nobody looked.
    """

    call: OutCall
    kept: OutCall
    reason: int | None = None
    cause: int | None = None
    hung_at: datetime | None = None
    absent_s: float | None = None

    @property
    def is_ending(self) -> bool:
        """A word came that may have been the last."""
        return self.hung_at is not None or self.reason is not None


class Dialler:
    """Makes calls from `run` on.

    Args:
        bars: why a call is not made at this moment, "" where it may be.
        on_trouble: is told why the journal cannot be used, once each time that it begins; "" when it is over.
        on_error: is told of an error of our own.

    Attributes:
        counts: what has not ended; None before the first look.
        sent: calls given to the exchange since the start.
        ended: those that ended, by how.
    """

    def __init__(
        self,
        queue: CallQueue,
        exchange: Exchange,
        *,
        bars: Callable[[Wanted, datetime], str],
        at_once: int,
        max_rate: float,
        clock: Clock,
        in_thread: InThread,
        on_trouble: Callable[[str], None],
        on_error: Callable[[Exception], None],
        grace_s: float = GRACE_S,
    ) -> None:
        self._queue = queue
        self._exchange = exchange
        self._bars = bars
        self._at_once = at_once
        self._pace = Pace(max_rate, clock.now_s())
        self._clock = clock
        self._in_thread = in_thread
        self._grace_s = grace_s
        self._live: dict[str, _Live] | None = None
        self._news: list[Answered | HungUp] = []
        self._turns = Turns(self.turn, on_trouble=on_trouble, on_error=on_error)
        self._look_s = clock.now_s()
        self.counts: Counts | None = None
        self.sent = 0
        self.ended: dict[str, int] = {}

    def hear(self, event: Mapping[str, str]) -> None:
        """Take an event of the exchange's."""
        news = read_news(event)
        if news is not None and self._live is not None and news.out_id in self._live:
            self._news.append(news)
            self._turns.stir()

    def nudge(self) -> None:
        """Look at once."""
        self._turns.stir()

    async def run(self) -> None:
        """Go on for ever."""
        await self._turns.run()

    async def turn(self) -> float:
        """Take what was heard, see which calls have ended, and send what may be sent; return how long to rest.

        Raises:
            StoreError: the journal could not be used; nothing is lost by it.
        """
        live = await self._under_way()
        self._take_news(live)
        if self._exchange.connected and live and self._is_time_to_look(live):
            with suppress(AmiError):  # nothing is learned then, and what waits may still have to be given up
                self._compare(live, await self._exchange.channels(ANSWER_S))
        await self._keep(live)
        await self._send_some(live)
        await self._keep(live)
        return SOON_S if any(one.is_ending for one in live.values()) else POLL_S

    async def _under_way(self) -> dict[str, _Live]:
        """Return the calls under way; those of an earlier process first of all."""
        if self._live is None:
            found: list[OutCall] = await self._in_thread(self._queue.open)
            self._live = {call.out_id: _Live(call, call) for call in found}
        return self._live

    def _take_news(self, live: Mapping[str, _Live]) -> None:
        heard, self._news = self._news, []
        for news in heard:
            one = live.get(news.out_id)
            if one is None:
                continue
            if isinstance(news, HungUp):
                one.hung_at, one.cause = self._clock.now_at(), news.cause or one.cause
            elif not news.ok:
                one.reason = news.reason
            elif one.call.state in {State.SENDING, State.SENT}:
                one.call = one.call.moved(State.TALKING, self._clock.now_at())
            if one.is_ending:
                self._look_s = min(self._look_s, self._clock.now_s() + SOON_S)

    def _is_time_to_look(self, live: Mapping[str, _Live]) -> bool:
        doubtful = any(one.absent_s is not None for one in live.values())
        return self._clock.now_s() >= self._look_s or doubtful

    def _compare(self, live: Mapping[str, _Live], channels: list[Channel]) -> None:
        now_s = self._clock.now_s()
        self._look_s = now_s + LOOK_S
        alive = {one.linkedid for one in channels} | {one.uniqueid for one in channels}
        for one in live.values():
            if one.call.out_id in alive:
                one.absent_s = None
                if one.call.state is State.SENDING:
                    one.call = one.call.moved(State.SENT, self._clock.now_at())
                continue
            one.absent_s = now_s if one.absent_s is None else one.absent_s
            if now_s - one.absent_s >= self._patience_s(one):
                one.call = self._ended(one)

    def _patience_s(self, one: _Live) -> float:
        """Return for how long a call has to be without a channel to have ended."""
        if one.reason is not None or one.call.state is State.TALKING:
            return 0.0
        return self._grace_s if one.hung_at is None else HEAR_S

    def _ended(self, one: _Live) -> OutCall:
        """Return a call that has no channel any more as it ended."""
        call, now_at = one.call, one.hung_at or self._clock.now_at()
        if call.state is State.TALKING:
            unseen = "" if one.hung_at else END_UNSEEN
            return call.moved(State.ANSWERED, now_at, cause=one.cause, reason=unseen)
        state = unanswered(one.reason or 0, one.cause)
        if one.reason is None and state is State.FAILED:
            unseen = UNSEEN if one.hung_at is None else MADE_UNSEEN
            return call.moved(State.UNKNOWN, now_at, cause=one.cause, reason=unseen)
        return call.moved(state, now_at, cause=one.cause)

    async def _keep(self, live: dict[str, _Live]) -> None:
        """Have the journal know what calls have come to; those that are over are let go."""
        for out_id, one in list(live.items()):
            if one.call.state is not one.kept.state:
                await self._in_thread(partial(self._queue.change, one.kept, one.call))
                one.kept = one.call
            if one.call.state in ENDS:
                self._count(one.call.state, 1)
            if one.call.state in {State.WAITING, *ENDS}:
                del live[out_id]

    def _count(self, state: State, count: int) -> None:
        if count:
            self.ended[str(state)] = self.ended.get(str(state), 0) + count

    async def _send_some(self, live: dict[str, _Live]) -> None:
        self.counts = await self._in_thread(self._queue.counts)
        if not self.counts.waiting:
            return
        room = await self._room(live)
        taken, expired = await self._in_thread(partial(self._queue.take, self._clock.now_at(), room))
        self._count(State.EXPIRED, expired)
        for call in taken:
            live[call.out_id] = _Live(call, call)
        self._pace.sent(len(taken))
        await asyncio.gather(*(self._send(live[call.out_id]) for call in taken))

    async def _room(self, live: Mapping[str, _Live]) -> int:
        """Return how many calls may be sent now; none to an exchange that does not answer at this moment."""
        room = self._pace.room(self._clock.now_s(), max(0, self._at_once - len(live)))
        if not room or not self._exchange.connected:
            return 0
        try:
            await self._exchange.action({"Action": "Ping"}, PING_S)
        except AmiError:
            return 0
        return room

    async def _send(self, one: _Live) -> None:
        call = one.call
        barred = self._bars(call.wanted, self._clock.now_at())
        if barred:
            one.call = self._unsent(call).moved(State.CANCELLED, self._clock.now_at(), reason=barred)
            return
        try:
            reply = await self._exchange.action(originate_fields(call), ANSWER_S)
        except NotSentError:
            one.call = self._unsent(call)
            return
        except AmiError:
            return  # it stays `sending` until the channels tell
        self.sent += 1
        if reply.fields.get("Event") == ORIGINATED:
            one.call = call.moved(State.SENT, self._clock.now_at())
            self.hear(reply.fields)
        elif reply.ok:
            one.call = call.moved(State.SENT, self._clock.now_at())
        else:
            one.call = call.moved(
                State.FAILED, self._clock.now_at(), reason=f"Asterisk refused it: {reply.message or 'without a word'}"
            )

    def _unsent(self, call: OutCall) -> OutCall:
        return call.moved(State.WAITING, self._clock.now_at())
