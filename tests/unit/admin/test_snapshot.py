"""The service's status, asked for once for all, and what counts while the parent is too busy to tell it."""

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
