"""A flushed file: the process keeps its locks on it, and another file in its place is followed."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from fallbackrouter.store.disk import Flusher

IS_LOCKED = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    other.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""


def locked(path: Path) -> bool:
    """Tell whether another process finds the file locked."""
    asked = subprocess.run([sys.executable, "-c", IS_LOCKED, str(path)], check=True, capture_output=True, text=True)
    return "locked" in asked.stdout


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_process_keeps_its_locks_on_a_file_that_is_flushed(tmp_path: Path) -> None:
    path, flusher = tmp_path / "journal.db", Flusher()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        flusher.flush(path)
        assert locked(path)
    connection.execute("ROLLBACK")
    connection.close()


def test_another_file_in_its_place_is_flushed_from_then_on(tmp_path: Path) -> None:
    path, flusher = tmp_path / "journal.db", Flusher()
    before = _descriptors()
    path.write_bytes(b"one")
    flusher.flush(path)
    path.rename(tmp_path / "aside")
    flusher.flush(path)
    path.write_bytes(b"two")
    flusher.flush(path)
    flusher.flush(path)
    assert _descriptors() == before + 1
