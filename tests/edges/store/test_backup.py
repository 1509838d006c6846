"""A copy of a journal that is written to: of one moment, whole or not there, and nothing is overwritten by it."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.backup import back_up
from tests.fakes.filled import at_journal, fill
from tests.fakes.records import an_id

PAIRS = """
import itertools, sqlite3, sys
journal = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
for nth in itertools.count():
    journal.execute("BEGIN IMMEDIATE")
    for part in ("one", "other"):
        journal.execute("INSERT INTO incidents (at, part, state, reason) VALUES (?, ?, 'full', '')", (nth, part))
    journal.execute("COMMIT")
    if nth == 10:
        print("writing", flush=True)
"""
HANGS = """
import signal, sys, time
from pathlib import Path
from fallbackrouter.store import backup
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
def stop(done, total):
    print("copying", flush=True)
    time.sleep(300)
backup.PAGES_AT_ONCE = 1
backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]), stop)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fill(tmp_path / "journal.db", days=10, a_day=50)
    return tmp_path / "journal.db"


@contextmanager
def beside(program: str, *arguments: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the test is through with it; it has said its first word by then."""
    with subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline()
            yield running
        finally:
            running.kill()


def asked(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as copy:
        return copy.execute(sql).fetchall()


def test_a_copy_beside_a_writer_is_of_one_moment(path: Path, tmp_path: Path) -> None:
    copies = [tmp_path / f"copy{nth}.db" for nth in range(3)]
    with beside(PAIRS, path):
        sizes = [back_up(path, copy) for copy in copies]
    counts = []
    for copy, size in zip(copies, sizes, strict=True):
        assert copy.stat().st_size == size
        assert asked(copy, "PRAGMA integrity_check") == [("ok",)]
        assert asked(copy, "SELECT count(*), max(id) FROM decisions") == [(500, an_id(499))]
        [one, other] = asked(copy, "SELECT count(*), max(at) FROM incidents GROUP BY part")
        assert one == other
        counts.append(int(one[0]))
    assert counts == sorted(counts)
    assert len(set(counts)) > 1, "nothing was written meanwhile"


def test_a_copy_is_one_file_for_its_owner_and_serves_as_a_journal(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    back_up(path, folder / "copy.db")
    assert [file.name for file in folder.iterdir()] == ["copy.db"]
    assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600
    assert asked(folder / "copy.db", "PRAGMA journal_mode") == [("delete",)]
    with at_journal(folder / "copy.db") as journal:
        assert journal.execute("SELECT count(*) FROM decisions").fetchone() == (500,)


def test_how_far_it_is_is_told(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fallbackrouter.store.backup.PAGES_AT_ONCE", 20)
    told: list[tuple[int, int]] = []
    back_up(path, tmp_path / "copy.db", lambda done, total: told.append((done, total)))
    assert len(told) > 2
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1][0] == told[-1][1]


def test_nothing_is_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(StoreError, match="is there already and is not overwritten"):
        back_up(path, target)
    with pytest.raises(StoreError, match="is there already"):
        back_up(path, path)
    assert target.read_text() == "precious"
    assert not list(tmp_path.glob("*.part-*"))


def test_what_came_meanwhile_is_not_overwritten_either(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    def comes(_done: int, _all: int) -> None:
        target.write_text("precious")

    with pytest.raises(StoreError, match="is there already"):
        back_up(path, target, comes)
    assert target.read_text() == "precious"
    assert not list(tmp_path.glob("*.part-*"))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_copy_that_is_cut_short_is_not_there(path: Path, tmp_path: Path, end: signal.Signals) -> None:
    target = tmp_path / "copy.db"
    with beside(HANGS, path, target) as copying:
        copying.send_signal(end)
        assert copying.wait(60) != 0
        parts = [file.name for file in tmp_path.glob("copy.db*")]
        left = [] if end == signal.SIGINT else [f"copy.db.part-{copying.pid}"]
        assert [name for name in parts if not name.endswith("-journal")] == left
    assert back_up(path, target) == target.stat().st_size
    assert asked(target, "PRAGMA integrity_check") == [("ok",)]


def test_a_folder_that_is_not_there_is_one_sentence(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be written .*; name a file in a folder that can be"):
        back_up(path, tmp_path / "none" / "copy.db")


def test_without_a_journal_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        back_up(tmp_path / "journal.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
