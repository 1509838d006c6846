"""The loop of the upkeep: its pace, and that no fault of the disk ends it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from fallbackrouter.jobs import upkeep as job
from fallbackrouter.jobs.upkeep import FAULT_S, LOOK_S, UpkeepJob
from fallbackrouter.store.masking import masked
from fallbackrouter.store.upkeep import Bounds, Upkeep
from fallbackrouter.store.veiling import Veiling
from tests.fakes.clock import FakeClock
from tests.fakes.filled import DAY, at_journal, count, fill
from tests.fakes.records import AT, a_call

pytestmark = pytest.mark.anyio
T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with at_journal(tmp_path / "journal.db"):
        return tmp_path / "journal.db"


async def at_once(work: Callable[[], T]) -> T:
    return work()


def size_of(path: Path) -> int:
    return path.stat().st_size


def upkeep(path: Path) -> Upkeep:
    bounds = Bounds(keep=5 * DAY, max_bytes=None, hide_after=None, min_free_bytes=0)
    return Upkeep(path, bounds, FakeClock(AT), veiling=lambda steps: Veiling(masked, lambda _: a_call().caller, steps))


async def test_there_is_a_pause_behind_each_step_and_a_look_where_nothing_is_to_do(path: Path) -> None:
    fill(path, days=10, a_day=20)
    turning = UpkeepJob(upkeep(path), at_once)
    pauses = [await turning.turn() for _ in range(40)]
    assert pauses[0] < LOOK_S
    assert pauses[-1] == LOOK_S
    assert count(path, "decisions") == 100


async def test_a_fault_is_told_once_and_again_when_it_is_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(job.log, "warning", lambda event, **_: told.append(event))
    monkeypatch.setattr(job.log, "info", lambda event, **_: told.append(event))
    fill(path, days=10, a_day=2)
    turning = UpkeepJob(upkeep(path), at_once)
    with at_journal(path) as journal:
        journal.execute("ALTER TABLE decisions RENAME TO elsewhere")
        assert [await turning.turn() for _ in range(3)] == [FAULT_S] * 3
        journal.execute("ALTER TABLE elsewhere RENAME TO decisions")
    for _ in range(10):
        await turning.turn()
    assert told == ["the journal cannot be kept in bounds", "the journal is kept in bounds again"]
    assert count(path, "decisions") == 10


async def test_a_log_that_grows_is_carried_over_more_often(path: Path) -> None:
    keeper = upkeep(path)
    turning = UpkeepJob(keeper, at_once)
    with at_journal(path) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE ballast (body BLOB)")
        assert await turning.carry_over() == LOOK_S
        writer.execute("INSERT INTO ballast VALUES (zeroblob(8000000))")
        size = size_of(path)
        assert await turning.carry_over() < LOOK_S
        assert size_of(path) > size + 7_000_000
        pauses = [await turning.carry_over() for _ in range(8)]
        assert pauses == sorted(pauses)
        assert pauses[0] < LOOK_S
        assert pauses[-1] == LOOK_S
        keeper.close()


def test_a_large_log_is_begun_anew_while_others_write(path: Path) -> None:
    keeper = upkeep(path)
    log = path.with_name(path.name + "-wal")
    with at_journal(path) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE ballast (body BLOB)")
        writer.execute("INSERT INTO ballast VALUES (zeroblob(100000000))")
        size = size_of(log)
        assert size > 20_480 * 4096
        keeper.carry_over()
        writer.execute("INSERT INTO ballast VALUES (zeroblob(8000000))")
        assert size_of(log) == size
        keeper.carry_over()
        assert writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1] < 4_000
        keeper.close()
