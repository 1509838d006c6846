"""Small write transactions beside the calls' own: as many rows as fit into a few milliseconds, whatever the disk does.

Its rules: what a step needs is read before it begins, so that nothing is fetched from a disk while others wait; each
step is one statement, measured from its beginning to the end of its commit, and the next is sized by that; it commits
without a checkpoint, which `checkpoint` does apart.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fallbackrouter.clock import Clock

TARGET_MS = 4.0
"""What a step is meant to hold the write lock; 20 ms is what it may."""
FIRST_ROWS = 8
MOST_ROWS = 300
CHECKPOINT_BYTES = 4_194_304
"""A write-ahead log of this size is carried into the journal."""
RESTART_PAGES = 20_480
"""A log of so many pages is begun anew; where there is a pause between two commits, it is so by itself, and earlier."""
_TRIES = 20
_PASSES = 2
_GROWTH = 2.0
_BUSY_S = 0.2


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal that is there, for steps.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    # Without a checkpoint of its own, a commit of ours is over in no time; synchronous as the writers have it.
    for pragma in ("synchronous = NORMAL", "wal_autocheckpoint = 0", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Steps:
    """The measure of the steps of one kind.

    Attributes:
        rows: how many the next step should take.
        count: steps so far.
        longest_ms: the longest that one took, with the write lock in its hand.
    """

    def __init__(self, clock: Clock, target_ms: float = TARGET_MS) -> None:
        self._clock = clock
        self._target_ms = target_ms
        self.rows = FIRST_ROWS
        self.count = 0
        self.longest_ms = 0.0
        self.latest_ms = 0.0

    def run(self, connection: sqlite3.Connection, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement as a transaction of its own, and return how many rows it changed.

        One statement, as between two of a transaction the interpreter may be elsewhere while the lock is held.

        Raises:
            sqlite3.Error: the lock could not be had, or the disk is in the way; nothing was changed.
        """
        with self.measured():
            return connection.execute(sql, values).rowcount

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure a transaction; a wait for the lock counts too, so that steps are small where it is wanted."""
        begun_s = self._clock.now_s()
        try:
            yield
        finally:
            self._measured((self._clock.now_s() - begun_s) * 1000)

    def _measured(self, held_ms: float) -> None:
        self.count += 1
        self.latest_ms = held_ms
        self.longest_ms = max(self.longest_ms, held_ms)
        wanted = self.rows * min(_GROWTH, self._target_ms / max(held_ms, 0.001))
        self.rows = max(1, min(MOST_ROWS, int(wanted)))


def checkpoint(path: Path, connection: sqlite3.Connection, over_bytes: int = CHECKPOINT_BYTES) -> int:
    """Carry the write-ahead log into the journal where it has grown; nobody is waited for, and nobody waits.

    Returns:
        How many pages the log holds, those that were carried over before included; 0 where it is small, or another
        process carries it over.

    Raises:
        sqlite3.Error: the disk is in the way.
    """
    log = path.with_name(path.name + "-wal")
    if not log.exists() or log.stat().st_size < over_bytes:
        return 0
    return _carried(connection, "PASSIVE")


def begin_anew(connection: sqlite3.Connection) -> None:
    """Carry all of the log over while writers wait, so that the next of them begins it anew.

    What came meanwhile is carried over first, so that next to nothing is left then, and writers wait for 1 or 2 ms. The
    disk has to have taken the journal before (`Flusher`): until the log is whole, SQLite leaves that to the system,
    and here it would wait for all of it. With SQLite's own wait for others, writers would wait behind that too.

    Raises:
        sqlite3.Error: the disk is in the way.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        for _ in range(_TRIES):
            for _ in range(_PASSES):
                _carried(connection, "PASSIVE")
            if _carried(connection, "FULL"):
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_S * 1000)}")


def _carried(connection: sqlite3.Connection, how: str) -> int:
    busy, pages, _ = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    return 0 if busy else max(0, int(pages))
