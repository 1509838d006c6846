"""The backlog: counted, ended where it is too old to be of use, and not left behind by a clock that was put back."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.jobs.backlog import EACH, FURTHEST, BacklogWatch
from fallbackrouter.store.outbox import Outbox
from tests.fakes.clock import FakeClock
from tests.fakes.outbox import Events

pytestmark = pytest.mark.anyio


class Scene:
    """A watch over a journal, by a clock that is turned by hand."""

    def __init__(self, path: Path) -> None:
        self.clock = FakeClock(SystemClock().now_at())
        self.events = Events(path, self.clock)
        self.outbox = Outbox(path)
        self.threads = ThreadPoolExecutor(1)
        self.idle = True

    def watch(self, ttl_s: float = 3600) -> BacklogWatch:
        return BacklogWatch(
            self.outbox,
            ttl_s=ttl_s,
            idle=lambda: self.idle,
            clock=self.clock,
            in_thread=self.in_thread,
            on_trouble=lambda _: None,
        )

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def due_in_s(self) -> list[float]:
        now_ms = self.clock.at.timestamp() * 1000
        return [round((due - now_ms) / 1000) for due in self.events.of("due_at")]

    def put_off(self, seconds: float) -> None:
        self.events.run("UPDATE events SET due_at = due_at + ?", int(seconds * 1000))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "journal.db")
    yield made
    made.threads.submit(made.outbox.close).result()
    made.threads.shutdown()


async def test_it_counts(scene: Scene) -> None:
    watch = scene.watch()
    scene.events.add(3)
    assert await watch.look() == 0
    assert watch.latest
    assert (watch.latest.pending, watch.latest.refused, watch.latest.dead) == (6, 0, 0)


async def test_what_nobody_could_be_told_of_in_time_is_ended_while_nothing_is_delivered(scene: Scene) -> None:
    scene.events.add(2, ("start",), age_s=4000)
    scene.events.add(2, ("start",), age_s=3000)
    scene.idle = False
    await scene.watch().look()
    assert scene.events.states() == {"pending": 4}
    scene.idle = True
    await scene.watch().look()
    assert scene.events.states() == {"dead": 2, "pending": 2}
    assert scene.events.of("answer")[0].startswith("older than events.ttl_s")


async def test_one_that_a_person_wants_tried_again_is_given_time_for_it(scene: Scene) -> None:
    scene.events.add(1, ("start",), age_s=9000)
    scene.put_off(9000 - 60)
    await scene.watch().look()
    assert scene.events.states() == {"pending": 1}
    scene.put_off(-3600)
    await scene.watch().look()
    assert scene.events.states() == {"dead": 1}


async def test_very_many_are_ended_in_small_steps(scene: Scene) -> None:
    scene.events.add(EACH + 100, ("start",), age_s=4000)
    watch = scene.watch()
    assert await watch.look() == EACH
    assert scene.events.states() == {"dead": EACH, "pending": 100}
    assert await watch.look() == 100


async def test_a_clock_that_is_put_back_leaves_no_event_behind(scene: Scene) -> None:
    scene.events.add(2, ("start",))
    scene.put_off(200)
    watch = scene.watch()
    await watch.look()
    assert scene.due_in_s() == [200, 200]
    scene.clock.at -= timedelta(hours=1)
    await watch.look()
    assert scene.due_in_s() == [0, 0]
    scene.put_off(200)
    await watch.look()
    assert scene.due_in_s() == [200, 200]


async def test_one_that_was_put_back_while_nobody_looked_neither(scene: Scene) -> None:
    scene.events.add(1, ("start",))
    scene.put_off(FURTHEST.total_seconds() - 60)
    await scene.watch().look()
    assert scene.due_in_s()[0] > 3600
    scene.put_off(120)
    await scene.watch().look()
    assert scene.due_in_s() == [0]


async def test_a_clock_that_is_put_forward_changes_nothing(scene: Scene) -> None:
    scene.events.add(1, ("start",))
    scene.put_off(400)
    watch = scene.watch()
    scene.clock.at += timedelta(seconds=100)
    await watch.look()
    assert scene.due_in_s() == [300]
