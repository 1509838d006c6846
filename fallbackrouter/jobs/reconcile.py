"""Ends that nobody reported: a call that began, and that the exchange has no channel of any more, has ended.

Its rules:

- the events are read before the exchange is asked, so that a call that is known to have begun is there or has ended;
- a call has to be gone for the whole of a grace period: an end that is on its way wins;
- while the exchange cannot be asked, or events cannot be read to the last, nothing is inferred;
- what is inferred says so, and goes through the journal like any other event;
- a step of reading is bounded, and so is what is held: a long history costs a start some seconds, and no memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Protocol

from fallbackrouter.ami.client import Channel
from fallbackrouter.clock import Clock
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Event
from fallbackrouter.core.errors import AmiError, StoreError
from fallbackrouter.core.numbers import read_number
from fallbackrouter.jobs.open_calls import OpenCall, OpenCalls
from fallbackrouter.log import get_log
from fallbackrouter.store.event_log import Step

STEP_EVENTS = 2_000
BETWEEN_STEPS_S = 0.01
EVERY_S = 10.0
SOONEST_S = 0.2
MAX_AT_ONCE = 1_000
"""The most ends that are recorded in one round; after a long silence the others follow in the next ones."""
START = "start"
END = "end"
"""How the name of a stage begins that ends a call."""
INFERRED = ("inferred", "true")


class Exchange(Protocol):
    """Who knows which channels live."""

    async def channels(self) -> list[Channel]:
        """Return them.

        Raises:
            AmiError: it cannot be asked.
        """
        ...


def end_stage(stages: Collection[str]) -> str:
    """Return the stage by which a call's end is told that nobody reported, "" where none is configured."""
    ends = [stage for stage in stages if stage.startswith(END)]
    return "end_failed" if "end_failed" in ends else next(iter(ends), "")


class Reconciler:
    """Follows events and infers ends.

    Args:
        read: reads the events behind a place (place, limit), in a thread of its own; raises StoreError.
        record: the journal's `record_event`.
        stages: those that are events.
        oldest_s: a call that began earlier is forgotten: its beginning itself is told no more.

    Attributes:
        inferred: how many ends were.
    """

    def __init__(
        self,
        *,
        read: Callable[[int, int], Awaitable[Step]],
        exchange: Exchange,
        record: Callable[[Event], asyncio.Future[bool]],
        stages: Collection[str],
        node: str,
        clock: Clock,
        grace_s: float,
        oldest_s: float,
    ) -> None:
        self._read = read
        self._exchange = exchange
        self._record = record
        self._stage = end_stage(stages)
        self._node = node
        self._clock = clock
        self._grace_s = grace_s
        self._oldest = timedelta(seconds=oldest_s)
        self._place = 0
        self._calls = OpenCalls(START, [stage for stage in stages if stage.startswith(END)])
        self._log = get_log("jobs")
        self._trouble = ""
        self.inferred = 0

    @property
    def open(self) -> int:
        """How many calls began and have no end yet."""
        return len(self._calls)

    @property
    def forgotten(self) -> int:
        """How many of them were dropped, as there were too many."""
        return self._calls.forgotten

    async def run(self) -> None:
        """Go on for ever."""
        every_s = min(EVERY_S, max(SOONEST_S, self._grace_s / 3))
        while True:
            try:
                await self.round()
            except Exception:  # noqa: BLE001 - a fault of ours ends this round alone
                self._log.exception("looking for ends of calls failed")
            await asyncio.sleep(every_s)

    async def round(self) -> None:
        """Read what is new, ask the exchange where calls are open, and infer ends."""
        try:
            await self._read_all()
            if self.open:
                await self._infer(await self._exchange.channels())
        except (StoreError, AmiError) as error:
            self._tell(str(error))
        else:
            self._tell("")

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._log.warning("ends of calls cannot be inferred for now", reason=trouble, open_calls=self.open)
        self._trouble = trouble

    async def _read_all(self) -> None:
        whole = False
        while not whole:
            step = await self._read(self._place, STEP_EVENTS)
            not_before = self._clock.now_at() - self._oldest
            for event in step.events:
                self._calls.take(event, not_before)
            self._place, whole = step.place, step.whole
            if not whole:
                await asyncio.sleep(BETWEEN_STEPS_S)

    async def _infer(self, channels: Collection[Channel]) -> None:
        alive = {one.uniqueid for one in channels} | {one.linkedid for one in channels}
        for call in self._calls.gone(alive, self._clock.now_s(), self._grace_s)[:MAX_AT_ONCE]:
            self._end(call)

    def _end(self, call: OpenCall) -> None:
        began = call.began
        ended = Call(
            did=read_number(began.did, None),
            caller=read_number(began.caller, None),
            call_id=began.call_id,
            linked_id=began.linked_id,
            stage=self._stage,
            extra=(INFERRED,),
        )
        event = Event(self._clock.new_id(), self._clock.now_at(), self._node, ended, began.decision_id)
        call.told = True  # until it is read from the journal, and the call with it is over

        def settled(future: asyncio.Future[bool]) -> None:
            call.told = not future.cancelled() and future.result()
            self.inferred += call.told

        self._record(event).add_done_callback(settled)
        self._log.info("a call ended without a word of it, its end is inferred", call_id=began.call_id)
