"""A consistent copy of a journal that is being written to: one file, whole or not there at all.

Its rules: nothing is overwritten; writers are not held up, and the copy is of one moment, whatever is written
meanwhile; the copy is a single file that needs none beside it, and a service can be started from it.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.opened import require

PAGES_AT_ONCE = 2000
OnProgress = Callable[[int, int], None]
"""Pages that are copied, pages in all."""


def back_up(journal: Path, target: Path, on_progress: OnProgress = lambda _done, _all: None) -> int:
    """Copy a journal. Blocking: as long as reading and writing so much takes.

    Args:
        target: must not be there; its folder must.

    Returns:
        The copy's size in bytes.

    Raises:
        StoreError: there is no journal, the target is there already, or one of them cannot be read or written.
    """
    require(journal)
    if target.exists():
        raise _taken(target)
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        part.touch(mode=0o600, exist_ok=False)
        _copy(journal, part, on_progress)
        _sync(part)
        _put_in_place(part, target)
        return target.stat().st_size
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written ({error.strerror}); name a file in a folder that can be"
        ) from None
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                part.with_name(part.name + suffix).unlink()


def _copy(journal: Path, part: Path, on_progress: OnProgress) -> None:
    uri = f"{journal.absolute().as_uri()}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source,
            closing(sqlite3.connect(part, isolation_level=None)) as copy,
        ):
            source.execute("PRAGMA query_only = ON")
            # An open transaction pins the moment: else each row that is written meanwhile makes the copy start over.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, all_: on_progress(all_ - left, all_))
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
        raise refusal(part if full else journal, error) from None


def _sync(file: Path) -> None:
    with file.open("rb") as copied:
        os.fsync(copied.fileno())


def _put_in_place(part: Path, target: Path) -> None:
    """Give the copy its name, unless something has it by now."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise _taken(target) from None
    except OSError:  # a file system without links
        if target.exists():
            raise _taken(target) from None
        part.rename(target)


def _taken(target: Path) -> StoreError:
    return StoreError(f"{target} is there already and is not overwritten; name another file, or move it away")
