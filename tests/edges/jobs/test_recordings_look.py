"""A disk that hangs under recordings: no event waits for it for long, and none is lost by it."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.jobs.recordings import Recordings, Seen
from fallbackrouter.jobs.recordings_look import RecordingsLook
from tests.fakes.crm import FakeCrm
from tests.fakes.outbox import Events, delivering
from tests.fakes.until import until

pytestmark = pytest.mark.anyio
NOW = SystemClock().now_at()


class Hanging(Recordings):
    """Recordings on a disk that does not answer until it is let go."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(Path("/nowhere"), "", wait_s)
        self.let_go = threading.Event()
        self.looks_begun = 0

    def look(self, told: str, known: Mapping[str, str], age_s: float, at: datetime) -> Seen:
        self.looks_begun += 1
        self.let_go.wait(60)
        return super().look(told, known, age_s, at)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging(600)
    yield made
    made.let_go.set()


async def test_it_is_waited_for_and_no_second_look_is_begun(hanging: Hanging) -> None:
    look = RecordingsLook(hanging, look_s=0.05)
    seen = [await look.look("a.wav", {}, 1, NOW) for _ in range(20)]
    assert set(seen) == {Seen(ready=False, note="its recording cannot be looked for: its disk hangs")}
    assert hanging.looks_begun == 1
    late = await look.look("a.wav", {}, 601, NOW)
    assert late.ready
    assert late.link == ""
    hanging.let_go.set()
    while (await look.look("a.wav", {}, 1, NOW)).note != "its recording is not there":
        await asyncio.sleep(0.01)
    look.close()


async def test_events_without_a_recording_go_on(hanging: Hanging, tmp_path: Path) -> None:
    events = Events(tmp_path / "journal.db")
    events.add(3, ("end_auto",), link="a.wav")
    events.add(20)
    async with FakeCrm() as crm, delivering(events, crm.url, recordings=hanging):
        await until(lambda: events.states().get("delivered") == 40, "the others are delivered")
        assert events.states()["pending"] == 3
        hanging.let_go.set()
