"""Delivers events: takes those that are due from the outbox, carries them side by side, and settles how they went.

Its rules:

- in order within a call: the outbox gives out the first event of a call alone, and none of a call in hand;
- a try and its next due time are in the journal before it begins, so that a crash costs a second delivery, never one;
- what it holds does not grow with the backlog: never more than `max_in_flight` events;
- the journal is used in a thread; while it cannot be, results are kept and no new event is taken.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.receipt import Fate
from fallbackrouter.jobs.courier import Courier
from fallbackrouter.jobs.turns import Turns
from fallbackrouter.jobs.valve import Valve
from fallbackrouter.store.outbox import Outbox, OutEvent, Settled

POLL_S = 0.4
"""How soon a new event is seen."""
MOST_REST_S = 2.0
"""The longest rest, whatever it waits for."""
LET_GO_S = 0.4
"""What a stop gives to those in hand to notice, and then to the journal to take what they brought."""

Key = tuple[str, str]
"""The call of an event: node and call_key."""


class InThread(Protocol):
    """Runs what may stall in the outbox's thread."""

    def __call__(self, work: Callable[[], Any], /) -> Awaitable[Any]:
        """Run it there, and return what it returns."""
        ...


class Delivery:
    """Delivers from `run` to `close`.

    Args:
        on_trouble: is told why the journal cannot be used, once each time that it begins; "" when it is over.
        on_error: is told of an error of our own.

    Attributes:
        delivered: events that the CRM took since the start.
        tried: tries since the start.
    """

    def __init__(
        self,
        outbox: Outbox,
        courier: Courier,
        valve: Valve,
        *,
        clock: Clock,
        in_thread: InThread,
        on_trouble: Callable[[str], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._outbox = outbox
        self._courier = courier
        self._valve = valve
        self._clock = clock
        self._in_thread = in_thread
        self._on_trouble = on_trouble
        self._on_error = on_error
        self._in_hand: dict[Key, asyncio.Task[None]] = {}
        self._brought: list[tuple[Key, Settled]] = []
        self._turns = Turns(self._turn, on_trouble=on_trouble, on_error=on_error)
        self.delivered = 0
        self.tried = 0

    @property
    def in_hand(self) -> int:
        """Events that are taken and not settled."""
        return len(self._in_hand)

    def nudge(self) -> None:
        """Look at once."""
        self._valve.nudge()
        self._turns.stir()

    async def run(self) -> None:
        """Deliver for ever."""
        await self._turns.run()

    async def _turn(self) -> float:
        """Settle what came back, and take what is due; return how long to rest unless something stirs.

        Raises:
            StoreError: the journal could not be used; nothing is lost by it.
        """
        await self._settle()
        room = self._valve.room(len(self._in_hand))
        if not room:
            return min(self._valve.rest_s() or MOST_REST_S, MOST_REST_S)
        take = partial(
            self._outbox.take, self._clock.now_at(), room, busy=set(self._in_hand), next_due=self._courier.next_due
        )
        taken: list[OutEvent] = await self._in_thread(take)
        self._valve.sent(len(taken))
        for event in taken:
            self._begin(event)
        return POLL_S if len(taken) < room else self._valve.rest_s()

    async def _settle(self) -> None:
        brought = self._brought[:]
        if brought:
            await self._in_thread(partial(self._outbox.settle, [settled for _, settled in brought]))
        del self._brought[: len(brought)]
        for key, _ in brought:
            self._in_hand.pop(key, None)

    def _begin(self, event: OutEvent) -> None:
        key = (event.node, event.call_key)
        self._in_hand[key] = asyncio.create_task(self._carry(event, key), name=f"event {event.event_id}")

    async def _carry(self, event: OutEvent, key: Key) -> None:
        asked = self._valve.version
        try:
            tried = await self._courier.carry(event)
        except Exception as error:  # noqa: BLE001 - it is tried again as if nothing had been heard of it
            self._on_error(error)
            tried = self._courier.untold(event, error)
        self._brought.append((key, tried.settled))
        if tried.receipt is not None:
            self.tried += 1
            self.delivered += tried.settled.state == Fate.DELIVERED
            self._valve.took(tried.receipt, asked)
        self._turns.stir()

    async def close(self) -> None:
        """Let go of those in hand, which are sent again after the next start, and keep what was brought; once."""
        tasks = [task for task in self._in_hand.values() if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LET_GO_S)
        settled = [settled for _, settled in self._brought]
        if settled:
            keeping = asyncio.ensure_future(self._in_thread(partial(self._outbox.settle, settled)))
            await asyncio.wait({keeping}, timeout=LET_GO_S)
            if keeping.done() and not keeping.cancelled() and isinstance(keeping.exception(), StoreError):
                self._on_trouble(str(keeping.exception()))
