"""The service's status, asked for once for all, and what counts while the parent is too busy to tell it."""

import asyncio
import threading

import pytest

from fallbackrouter.admin.snapshot import Json, Snapshot
from fallbackrouter.admin.threads import Threads
from fallbackrouter.core.errors import ControlError
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


class Parent:
    def __init__(self) -> None:
        self.gone = False
        self.asked = 0

    def command(self, _message: Json, _within_s: float) -> Json:
        self.asked += 1
        if self.gone:
            raise ControlError("no answer within 3 s")
        return {"ready": True, "asked": self.asked}


async def test_it_is_asked_once_while_it_is_fresh() -> None:
    parent, clock = Parent(), FakeClock()
    snapshot = Snapshot(parent.command, threads=Threads("quick", 1, 10), clock=clock)
    assert await snapshot.latest() == await snapshot.latest() == {"ready": True, "asked": 1}
    clock.move(2)
    assert await snapshot.latest() == {"ready": True, "asked": 2}
    snapshot.close()


async def test_who_has_changed_something_sees_it_at_once() -> None:
    parent = Parent()
    snapshot = Snapshot(parent.command, threads=Threads("quick", 1, 10), clock=FakeClock())
    assert (await snapshot.latest())["asked"] == 1
    looking = asyncio.ensure_future(snapshot.latest())  # fresh still
    await snapshot.command({"do": "drill"})
    assert (await looking)["asked"] == 1
    assert (await snapshot.latest())["asked"] == 3


async def test_what_was_asked_before_a_change_and_told_after_it_is_not_kept() -> None:
    parent, told = Parent(), threading.Event()

    def slow(message: Json, within_s: float) -> Json:
        answer = parent.command(message, within_s)
        if message["do"] == "status" and answer["asked"] == 1:
            told.wait(60)
        return answer

    snapshot = Snapshot(slow, threads=Threads("quick", 2, 10), clock=FakeClock())
    before = asyncio.ensure_future(snapshot.latest())
    while not parent.asked:
        await asyncio.sleep(0.001)
    await snapshot.command({"do": "drill"})
    told.set()
    assert (await before)["asked"] == 1
    assert (await snapshot.latest())["asked"] == 3
    snapshot.close()


async def test_a_busy_parents_last_word_counts_for_as_long_as_asked_for_and_no_longer() -> None:
    parent, clock = Parent(), FakeClock()
    snapshot = Snapshot(parent.command, threads=Threads("quick", 1, 10), clock=clock)
    parent.gone = True
    assert await snapshot.latest_or_none(15) is None
    parent.gone = False
    known = await snapshot.latest()
    parent.gone = True
    clock.move(15)
    assert await snapshot.latest_or_none(15) == known
    assert await snapshot.latest_or_none() is None
    clock.move(1)
    assert await snapshot.latest_or_none(15) is None
    with pytest.raises(ControlError):
        await snapshot.latest()
    snapshot.close()
