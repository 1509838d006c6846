"""Sets a damaged database aside, never deletes it, and lets one process at a time do so."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import StoreError

_COMPANIONS = ("-wal", "-shm")
Identity = tuple[int, int]
"""Device and inode: which file a path led to."""


def identity(path: Path) -> Identity | None:
    """Return which file lies at a path, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def set_aside(path: Path, at: datetime) -> Path:
    """Rename a database and what SQLite keeps beside it to `NAME.corrupt-UTC`.

    Args:
        at: UTC, goes into the name.

    Returns:
        Where it lies now, with its `-wal` and `-shm` beside it, so that it can still be read by hand.

    Raises:
        OSError: the folder cannot be written.
    """
    target = _free_name(path, at)
    # The database goes first: without it, nobody takes its -wal for that of a new one (`leftovers_aside`).
    for suffix in ("", *_COMPANIONS):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    return target


def leftovers_aside(path: Path, at: datetime) -> None:
    """Rename a `-wal` or `-shm` whose database is gone, before a new one is made beside it.

    Raises:
        OSError: the folder cannot be written.
    """
    beside = [path.with_name(path.name + suffix) for suffix in _COMPANIONS]
    if not path.exists() and any(companion.exists() for companion in beside):
        set_aside(path, at)


def _free_name(path: Path, at: datetime) -> Path:
    stem = f"{path.name}.corrupt-{at:%Y%m%dT%H%M%SZ}"
    names = (stem if count == 0 else f"{stem}-{count}" for count in range(1_000_000))
    return next(name for name in map(path.with_name, names) if not name.exists())


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the right to replace a database, against other processes; never waits for it.

    Raises:
        StoreError: another process is at it.
        OSError: the folder cannot be written.
    """
    descriptor = os.open(path.with_name(path.name + ".replacing"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{path} is being replaced by another process") from None
        yield
    finally:
        os.close(descriptor)
