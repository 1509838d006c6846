"""What the journal does when the disk, a lock or the file fails it: real faults, of a real SQLite."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fallbackrouter.core.decision import Decision
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.migrate import upgrade
from tests.fakes.records import AT, a_decision, an_event, an_id
from tests.fakes.until import until

pytestmark = pytest.mark.anyio

SAFETY_S = 60


class Journal(JournalWriter):
    """A started writer with all that it said."""

    def __init__(self, path: Path, max_pending: int = 20_000) -> None:
        self.notes: list[str] = []
        self.handed: list[object] = []
        super().__init__(path, max_pending=max_pending, on_note=self.notes.append, on_overflow=self.handed.append)
        self.start(asyncio.get_running_loop())


def ids(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM decisions ORDER BY id")]


def damage(path: Path) -> None:
    """Overwrite a journal that is in use, after a write by another that voids what its users hold in memory."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO incidents (at, part, state, reason) VALUES (0, 'disk', 'dying', '')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(b"this is no database " * 1000)


def set_aside(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{path.name}.corrupt-*Z"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def need(*programs: str) -> None:
    """Skip the test with a line that says so where no disk of its own can be made."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk of the test's own")
    missing = [program for program in programs if not Path(program).exists()]
    if missing:
        pytest.skip(f"a disk of the test's own needs {missing[0]}")


def mount(folder: Path, *how: str) -> None:
    folder.mkdir()
    done = subprocess.run(["/bin/mount", *how, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no disk of the test's own can be mounted here: {done.stderr.strip()}")


def unmount(folder: Path) -> None:
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    need("/bin/mount")
    folder = tmp_path / "disk"
    mount(folder, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    yield folder
    unmount(folder)


class HangingDisk:
    """A disk whose writes hang while it is frozen, as those of a lost storage do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frozen = False

    def freeze(self) -> None:
        subprocess.run(["/sbin/fsfreeze", "-f", str(self.folder)], check=True)
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            subprocess.run(["/sbin/fsfreeze", "-u", str(self.folder)], check=True)
        self.frozen = False


@pytest.fixture
def hanging_disk(tmp_path: Path) -> Iterator[HangingDisk]:
    need("/bin/mount", "/sbin/mkfs.ext4", "/sbin/fsfreeze")
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(16_000_000)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(image)], check=True)
    folder = tmp_path / "disk"
    mount(folder, "-o", "loop", str(image))
    disk = HangingDisk(folder)
    yield disk
    disk.thaw()
    unmount(folder)


async def test_rows_wait_out_a_lock(path: Path) -> None:
    journal = Journal(path)
    assert await journal.record_decision(a_decision(0)) is True
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        futures = [journal.record_decision(a_decision(number)) for number in range(1, 600)]
        await until(lambda: journal.notes)
        assert not any(future.done() for future in futures)
        assert journal.pending == 599
        other.execute("COMMIT")
    async with asyncio.timeout(SAFETY_S):
        assert all(await asyncio.gather(*futures))
    assert ids(path) == [an_id(number) for number in range(600)]
    await until(lambda: len(journal.notes) == 2)
    assert journal.notes[0] == "writing the journal fails (database is locked), 599 rows wait; it is tried again"
    assert journal.notes[1] == "writing the journal works again"
    assert journal.handed == []
    assert await journal.close(10) == 0


async def test_rows_wait_out_a_full_disk(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    upgrade(path)
    journal = Journal(path)
    await journal.record_decision(a_decision(0))
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(b"x" * 2_000_000)
    futures = [journal.record_decision(a_decision(number, line="x" * 200)) for number in range(1, 400)]
    await until(lambda: journal.notes)
    assert "full" in journal.notes[0]
    assert not all(future.done() for future in futures)
    assert ids(path)[0] == an_id(0)  # reads go on
    ballast.unlink()
    async with asyncio.timeout(SAFETY_S):
        assert all(await asyncio.gather(*futures))
    assert ids(path) == [an_id(number) for number in range(400)]
    assert await journal.close(10) == 0


async def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    journal = Journal(path)
    await journal.record_decision(a_decision(0))
    damage(path)
    futures = [journal.record_decision(a_decision(number)) for number in range(1, 50)]
    async with asyncio.timeout(SAFETY_S):
        assert all(await asyncio.gather(*futures))
    assert ids(path) == [an_id(number) for number in range(1, 50)]
    (aside,) = set_aside(path)
    assert aside.read_bytes().startswith(b"this is no database ")
    assert any(str(aside) in note for note in journal.notes)
    assert await journal.close(10) == 0
    upgrade(path)


async def test_a_file_that_is_no_database_at_start_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database" * 500)
    journal = Journal(path)
    assert await journal.record_decision(a_decision(1)) is True
    assert ids(path) == [an_id(1)]
    assert len(set_aside(path)) == 1
    assert await journal.close(10) == 0


async def test_two_writers_agree_on_the_new_file(path: Path) -> None:
    one, other = Journal(path), Journal(path)
    await one.record_decision(a_decision(0))
    await other.record_decision(a_decision(1))
    damage(path)
    async with asyncio.timeout(SAFETY_S):
        assert await one.record_decision(a_decision(2)) is True
        await until(lambda: other.notes)  # by the damage, or by another file in its place
        assert await other.record_decision(a_decision(4)) is True
        assert await one.record_decision(a_decision(5)) is True
    assert {an_id(2), an_id(4), an_id(5)} <= set(ids(path))
    assert len(set_aside(path)) == 1
    assert await one.close(10) == 0
    assert await other.record_decision(a_decision(6)) is True
    assert await other.close(10) == 0
    assert an_id(6) in ids(path)


async def test_a_journal_that_was_moved_away_is_made_anew(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    await journal.record_decision(a_decision(0))
    for suffix in ("", "-wal", "-shm"):
        shutil.move(f"{path}{suffix}", f"{tmp_path}/away.db{suffix}")
    await until(lambda: any("in the place" in note for note in journal.notes))
    assert await journal.record_decision(a_decision(1)) is True
    assert ids(path) == [an_id(1)]
    assert ids(tmp_path / "away.db") == [an_id(0)]
    assert await journal.close(10) == 0


async def test_the_oldest_is_handed_out_when_memory_s_share_is_used_up(path: Path) -> None:
    journal = Journal(path, max_pending=100)
    await journal.record_decision(a_decision(0))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = journal.record_decision(a_decision(1))
        await until(lambda: journal.pending == 1)
        await until(lambda: journal._inbox.in_hand)
        futures = [journal.record_decision(a_decision(number)) for number in range(2, 152)]
        await until(lambda: journal.notes)
        assert journal.handed == [a_decision(number) for number in range(2, 52)]
        assert [future.result() for future in futures[:50]] == [False] * 50
        assert journal.pending == 101
        other.execute("COMMIT")
    async with asyncio.timeout(SAFETY_S):
        assert all(await asyncio.gather(first, *futures[50:]))
    assert ids(path) == [an_id(number) for number in (0, 1, *range(52, 152))]
    assert await journal.close(10) == 0


async def test_a_disk_that_hangs_holds_up_neither_calls_nor_the_end(hanging_disk: HangingDisk) -> None:
    path = hanging_disk.folder / "journal.db"
    upgrade(path)
    journal = Journal(path, max_pending=300)
    assert await journal.record_decision(a_decision(0)) is True
    hanging_disk.freeze()
    futures = []
    for number in range(1, 1000):
        futures.append(journal.record_decision(a_decision(number)))
        await asyncio.sleep(0)
    assert not any(future.done() and future.result() for future in futures)
    handed = len(journal.handed)
    assert handed == 999 - journal.pending
    async with asyncio.timeout(SAFETY_S):
        assert await journal.close(0.2) == 999 - handed
    assert len({what.decision_id for what in journal.handed if isinstance(what, Decision)}) == 999
    hanging_disk.thaw()


async def test_rows_wait_out_a_disk_that_hangs(hanging_disk: HangingDisk) -> None:
    path = hanging_disk.folder / "journal.db"
    upgrade(path)
    journal = Journal(path)
    hanging_disk.freeze()
    futures = [journal.record_decision(a_decision(number)) for number in range(700)]
    await asyncio.sleep(0.05)
    assert not any(future.done() for future in futures)
    hanging_disk.thaw()
    async with asyncio.timeout(SAFETY_S):
        assert all(await asyncio.gather(*futures))
    assert len(ids(path)) == 700
    assert await journal.close(10) == 0


async def test_close_gives_up_in_time_and_hands_out_what_is_left(path: Path) -> None:
    journal = Journal(path)
    await journal.record_decision(a_decision(0))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorded: list[asyncio.Future[bool]] = [journal.record_decision(a_decision(number)) for number in range(1, 400)]
        recorded.append(journal.record_event(an_event(1)))
        async with asyncio.timeout(SAFETY_S):
            assert await journal.close(0.5) == 400
        assert len(journal.handed) == 400
        assert [future.result() for future in recorded] == [False] * 400
        other.execute("COMMIT")


async def test_close_flushes_what_a_lock_held_up(path: Path) -> None:
    journal = Journal(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        futures = [journal.record_decision(a_decision(number)) for number in range(300)]
        await until(lambda: journal.notes)
        closing_now = asyncio.ensure_future(journal.close(SAFETY_S))
        await asyncio.sleep(0)
        other.execute("COMMIT")
    assert await closing_now == 0
    assert all(future.result() for future in futures)
    assert len(ids(path)) == 300


async def test_what_nobody_waits_for_holds_up_no_decision(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE incidents RENAME TO elsewhere")
        connection.execute("ALTER TABLE remembered RENAME TO forgotten")
    journal = Journal(path)
    journal.record_incident("disk", "dying", "", AT)
    loading = journal.load_remembered(10)
    await until(lambda: journal.notes)
    for number in range(50):
        assert await journal.record_decision(a_decision(number)) is True
    assert ids(path) == [an_id(number) for number in range(50)]
    assert not loading.done()
    told = [note.split(" fails ")[0] for note in journal.notes]
    assert len(told) == len(set(told))  # each trouble once, however long it lasts
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO incidents")
        connection.execute("ALTER TABLE forgotten RENAME TO remembered")
    async with asyncio.timeout(SAFETY_S):
        assert await loading == []
    assert await journal.close(10) == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT part FROM incidents").fetchall() == [("disk",)]
