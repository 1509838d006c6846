import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.route import Route
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.recall import read_remembered
from fallbackrouter.store.remembered import Change, Forgotten, RememberedEntry
from tests.fakes.records import AT, ROUTE, a_decision
from tests.fakes.until import until

pytestmark = pytest.mark.anyio

SAFETY_S = 60


class ClockAt(SystemClock):
    """Seconds pass, the calendar stands still."""

    def __init__(self, at: datetime = AT) -> None:
        super().__init__()
        self.at = at

    def now_at(self) -> datetime:
        return self.at


class Worker(JournalWriter):
    """A started writer with what it heard of other workers."""

    def __init__(self, path: Path, at: datetime = AT, max_stale_s: float = 86_400) -> None:
        self.heard: list[Change] = []
        super().__init__(
            path,
            on_note=pytest.fail,
            on_overflow=lambda what: pytest.fail(str(what)),
            on_remembered=self.heard.extend,
            max_stale_s=max_stale_s,
            clock=ClockAt(at),
        )
        self.start(asyncio.get_running_loop())


def entry(key: str, seconds: float = 0, route: Route = ROUTE) -> RememberedEntry:
    at = AT.replace(microsecond=123_000) + timedelta(seconds=seconds)
    return RememberedEntry(key, route, at, 300.0, "head office, in hours")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


async def test_answers_outlive_their_worker(path: Path) -> None:
    first = Worker(path)
    assert await first.load_remembered(10) == []
    odd = Route((("app", "group"), ("num", "62"), ("text", 'a "b" \\ ж 😀')), (("CALLERID(name)", "Ж"),))
    for one in (entry("a"), entry("b"), entry("a", 1, odd), entry("c"), entry("d")):
        first.remember(one)
    first.forget("b")
    await first.close(10)
    second = Worker(path)
    assert await second.load_remembered(10) == [entry("a", 1, odd), entry("c"), entry("d")]
    assert await second.load_remembered(2) == [entry("c"), entry("d")]
    await second.close(10)
    assert second.heard == []
    assert read_remembered(path, 10, AT - timedelta(days=1)) == [entry("a", 1, odd), entry("c"), entry("d")]


async def test_what_is_too_old_is_not_loaded_and_goes_in_time(path: Path) -> None:
    first = Worker(path)
    for number in range(5):
        first.remember(entry(f"old {number}", number))
    first.forget("old 0")
    await first.close(10)
    later = Worker(path, AT + timedelta(hours=2), max_stale_s=3600)
    assert await later.load_remembered(10) == []
    later.remember(entry("new", 7200))
    await later.record_decision(a_decision(1))
    await later.close(10)
    third = Worker(path, AT + timedelta(hours=2), max_stale_s=3600)
    assert await third.load_remembered(10) == [entry("new", 7200)]

    def keys() -> list[str]:
        with closing(sqlite3.connect(path)) as connection:
            return [row[0] for row in connection.execute("SELECT key FROM remembered ORDER BY change")]

    await until(lambda: "old 1" not in keys())
    assert keys()[-1] == "new"
    await third.close(10)


async def test_numbers_of_change_go_on_though_all_are_too_old(path: Path) -> None:
    first = Worker(path)
    first.remember(entry("a"))
    await first.close(10)
    far = Worker(path, AT + timedelta(days=30))
    await far.load_remembered(10)
    far.remember(entry("b"))
    await far.close(10)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key, change FROM remembered ORDER BY change").fetchall()[-1] == ("b", 2)


async def test_workers_hear_of_each_other_and_not_of_themselves(path: Path) -> None:
    one, other = Worker(path), Worker(path)
    one.remember(entry("before"))
    await one.record_decision(a_decision(0))
    await until(lambda: read_remembered(path, 9, AT - timedelta(days=1)))
    assert await other.load_remembered(10) == [entry("before")]
    one.remember(entry("a"))
    one.remember(entry("b"))
    await until(lambda: len(other.heard) == 2)
    assert other.heard == [entry("a"), entry("b")]
    other.forget("a")
    other.remember(entry("c"))
    await until(lambda: len(one.heard) == 2)
    assert one.heard == [Forgotten("a", AT.replace(microsecond=123_000)), entry("c")]
    await one.close(10)
    await other.close(10)
    assert len(other.heard) == 2


async def test_more_changes_than_one_look_takes_all_arrive(path: Path) -> None:
    one, other = Worker(path), Worker(path)
    await other.load_remembered(1)
    for number in range(5000):
        one.remember(entry(str(number)))
    await until(lambda: len(other.heard) == 5000)
    assert [change.key for change in other.heard] == [str(number) for number in range(5000)]
    await one.close(10)
    await other.close(10)


async def test_an_answer_that_cannot_be_read_is_as_if_forgotten(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO remembered VALUES ('bad', '{\"variables\": 1', 9999999999999, 1, '', 'x', 1)")
    worker = Worker(path)
    assert await worker.load_remembered(10) == []
    await worker.close(10)


async def test_what_was_not_read_before_the_end_is_empty(path: Path) -> None:
    worker = Worker(path)
    await worker.close(10)
    assert worker.heard == []
