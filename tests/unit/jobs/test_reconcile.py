"""Ends are inferred from events and channels, and from nothing while either cannot be read."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from fallbackrouter.ami.client import Channel
from fallbackrouter.core.decision import Event
from fallbackrouter.core.errors import AmiError, StoreError
from fallbackrouter.jobs.reconcile import MAX_AT_ONCE, STEP_EVENTS, Reconciler, end_stage
from fallbackrouter.store.event_log import Step, StoredEvent
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


class Scene:
    """An exchange and a journal in memory."""

    def __init__(self, stages: tuple[str, ...] = ("start", "end_auto", "end_failed")) -> None:
        self.clock = FakeClock()
        self.events: list[StoredEvent] = []
        self.alive: list[str] | None = []
        self.linked: dict[str, str] = {}
        self.asked = 0
        self.steps = 0
        self.broken = False
        self.recorded: list[Event] = []
        self.takes = True
        self.answers: list[asyncio.Future[bool]] = []
        self.job = Reconciler(
            read=self._read,
            exchange=self,
            record=self._record,
            stages=stages,
            node="here",
            clock=self.clock,
            grace_s=30,
            oldest_s=3600,
        )

    def tell(self, stage: str, call_id: str, linked_id: str = "") -> None:
        """Store an event."""
        at = self.clock.now_at()
        self.events.append(StoredEvent(at, stage, call_id, linked_id, "74951111111", "79507533333", "d1", test=False))

    async def channels(self) -> list[Channel]:
        self.asked += 1
        if self.alive is None:
            raise AmiError("away")
        return [Channel(one, self.linked.get(one, one), "x") for one in self.alive]

    async def _read(self, place: int, limit: int) -> Step:
        self.steps += 1
        if self.broken:
            raise StoreError("broken")
        events = tuple(self.events[place : place + limit])
        return Step(events, place + len(events), len(events) < limit)

    def _record(self, event: Event) -> asyncio.Future[bool]:
        self.recorded.append(event)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.takes:
            future.set_result(True)
            self.tell(event.call.stage, event.call.call_id, event.call.linked_id)
        self.answers.append(future)
        return future

    async def later(self, seconds: float) -> None:
        """Let time pass and look again."""
        self.clock.move(seconds)
        await self.job.round()
        await asyncio.sleep(0)


async def test_a_call_without_an_end_gets_one_that_says_that_it_is_inferred() -> None:
    scene = Scene()
    scene.tell("start", "1.2", "1.1")
    for seconds in (0, 15, 15, 15, 15):
        await scene.later(seconds)
    [event] = scene.recorded
    call = event.call
    assert (call.stage, call.call_id, call.linked_id, event.decision_id) == ("end_failed", "1.2", "1.1", "d1")
    assert (call.did.raw, call.caller.raw, call.extra) == ("74951111111", "79507533333", (("inferred", "true"),))
    assert (scene.job.inferred, scene.job.open) == (1, 0)


async def test_an_end_on_its_way_wins() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    await scene.later(0)
    scene.tell("end_auto", "1.1")
    await scene.later(60)
    assert scene.recorded == []


async def test_nothing_is_inferred_while_the_exchange_cannot_be_asked() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    await scene.later(0)
    scene.alive = None
    await scene.later(600)
    assert scene.recorded == []
    scene.alive = ["1.1"]
    await scene.later(1)
    scene.alive = []
    await scene.later(1)
    assert scene.recorded == []
    await scene.later(30)
    assert len(scene.recorded) == 1


async def test_nothing_is_inferred_while_events_cannot_be_read() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    await scene.later(0)
    scene.broken = True
    await scene.later(60)
    assert scene.recorded == []
    scene.broken = False
    scene.tell("end_auto", "1.1")
    await scene.later(1)
    assert scene.recorded == []


async def test_a_call_that_lives_for_days_is_not_ended() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    scene.alive = ["1.1"]
    for _ in range(50):
        await scene.later(3600)
    assert (scene.recorded, scene.job.open) == ([], 1)


async def test_a_call_lives_by_a_channel_that_is_only_linked_to_it() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    scene.linked = {"9.9": "1.1"}
    scene.alive = ["9.9"]
    for _ in range(5):
        await scene.later(60)
    assert scene.recorded == []
    scene.linked = {}
    await scene.later(0)
    await scene.later(30)
    assert len(scene.recorded) == 1


async def test_the_exchange_is_not_asked_while_no_call_is_open() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    scene.tell("end_auto", "1.1")
    await scene.later(0)
    assert scene.asked == 0


async def test_an_end_that_was_not_recorded_is_tried_again_and_one_that_is_being_recorded_is_not() -> None:
    scene = Scene()
    scene.takes = False
    scene.tell("start", "1.1")
    await scene.later(0)
    await scene.later(30)
    await scene.later(30)
    assert len(scene.recorded) == 1
    scene.answers[0].set_result(False)
    await asyncio.sleep(0)
    await scene.later(1)
    assert (len(scene.recorded), scene.job.inferred) == (2, 0)


async def test_a_long_history_is_read_in_steps_and_many_ends_are_recorded_in_rounds() -> None:
    scene = Scene()
    for number in range(STEP_EVENTS * 2):
        scene.tell("start", f"1.{number}")
    await scene.later(0)
    assert scene.steps == 3
    await scene.later(30)
    assert len(scene.recorded) == MAX_AT_ONCE
    await scene.later(10)
    assert len({event.call.call_id for event in scene.recorded}) == 2 * MAX_AT_ONCE


async def test_a_start_that_is_older_than_events_live_is_forgotten() -> None:
    scene = Scene()
    scene.tell("start", "1.1")
    scene.events = [replace(event, at=event.at - timedelta(hours=2)) for event in scene.events]
    await scene.later(0)
    await scene.later(60)
    assert scene.recorded == []


def test_the_end_that_is_told_is_one_that_the_crm_knows() -> None:
    assert end_stage(("start", "end_auto", "end_failed")) == "end_failed"
    assert end_stage(("start", "ended")) == "ended"
    assert end_stage(("start", "bridged")) == ""
