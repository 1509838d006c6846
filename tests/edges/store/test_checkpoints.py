"""Who carries the write-ahead log into the journal: upkeep, and calls' commits only where it does not."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fallbackrouter.core.route import Route
from fallbackrouter.store import journal_file
from fallbackrouter.store.journal_file import WAL_PAGES, JournalFile
from fallbackrouter.store.steps import CHECKPOINT_BYTES, checkpoint, connect
from tests.fakes.clock import FakeClock
from tests.fakes.filled import at_journal, count
from tests.fakes.records import AT, a_decision

PAGE_BYTES = 4096
LARGE = Route((("app", "group"), ("num", "62"), ("text", "x" * 100_000)))
"""Some 25 pages of the log each."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with at_journal(tmp_path / "journal.db"):
        return tmp_path / "journal.db"


@pytest.fixture
def writer(path: Path) -> Iterator[JournalFile]:
    with closing(JournalFile(path, FakeClock(AT), lambda _: None, 3600)) as file:
        yield file


def log_bytes(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


def write(writer: JournalFile, first: int, many: int) -> None:
    for number in range(first, first + many):
        writer.write([a_decision(number, route=LARGE)])


def test_commits_leave_a_log_to_upkeep_that_it_carries_over(path: Path, writer: JournalFile) -> None:
    before = path.stat().st_size
    write(writer, 0, 100)
    assert log_bytes(path) > 2 * CHECKPOINT_BYTES
    assert path.stat().st_size == before
    with closing(connect(path)) as upkeep:
        assert checkpoint(path, upkeep)
    assert path.stat().st_size > before + 2 * CHECKPOINT_BYTES
    full = log_bytes(path)
    write(writer, 100, 50)  # what was carried over is written over: the log does not grow
    assert log_bytes(path) == full


def test_beside_a_running_upkeep_no_commit_carries_anything_over(path: Path, writer: JournalFile) -> None:
    """Were a commit to do so, what it moves would be there before upkeep looked; all of it is upkeep's own."""
    over, done = threading.Event(), threading.Event()
    moved: list[int] = []

    def carry_over() -> None:
        with closing(connect(path)) as upkeep:
            while not done.is_set():
                if over.wait(0.01):
                    over.clear()
                    before = path.stat().st_size
                    checkpoint(path, upkeep)
                    moved.append(path.stat().st_size - before)

    start = path.stat().st_size
    keeper = threading.Thread(target=carry_over)
    keeper.start()
    try:
        for turn in range(6):
            write(writer, turn * 60, 60)
            over.set()
    finally:
        done.set()
        keeper.join(60)
    assert moved
    assert path.stat().st_size - start == sum(moved)
    assert log_bytes(path) < WAL_PAGES * PAGE_BYTES


def test_where_upkeep_is_dead_the_log_ends_somewhere(
    path: Path, writer: JournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = tuple(one.replace(str(WAL_PAGES), "500") for one in journal_file._PRAGMAS)
    assert pragmas != journal_file._PRAGMAS
    monkeypatch.setattr(journal_file, "_PRAGMAS", pragmas)
    write(writer, 0, 200)
    assert log_bytes(path) < 600 * PAGE_BYTES
    assert path.stat().st_size > 15_000_000
    assert count(path, "decisions") == 200


def test_the_writers_log_is_bounded_and_larger_than_what_upkeep_lets_it_be() -> None:
    assert f"wal_autocheckpoint = {WAL_PAGES}" in journal_file._PRAGMAS
    assert 4 * CHECKPOINT_BYTES <= WAL_PAGES * PAGE_BYTES <= 67_108_864
