"""A disk: how much room it has left, and when it has taken what was written."""

import os
from pathlib import Path

from fallbackrouter.store.damage import Identity, identity


def disk_free_bytes(folder: Path) -> int:
    """Return how much room a folder's disk has left for this user."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Flusher:
    """Has the disk take what was written to a file, whoever wrote it.

    It keeps the file open, and closes it only once another lies in its place: whoever closes any descriptor of a file
    lets go all locks that its process has on it, SQLite's too.

    Source: POSIX, fcntl(); sqlite.org, "How To Corrupt An SQLite Database File", 2.2.
    """

    def __init__(self) -> None:
        self._file: Identity | None = None
        self._descriptor = -1

    def flush(self, path: Path) -> None:
        """Wait until the disk has taken it all; a no-op where no file lies there.

        Raises:
            OSError: the disk is in the way.
        """
        found = identity(path)
        if found is None:
            return
        if found != self._file:
            self._follow(path, found)
        os.fdatasync(self._descriptor)

    def _follow(self, path: Path, found: Identity) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if self._file is not None:
            os.close(self._descriptor)
        self._file, self._descriptor = found, descriptor
