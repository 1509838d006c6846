"""The journal opened once and kept, for a queue that lies in it: each thing done is a transaction of its own.

Plain sqlite3, blocking, for one thread at a time; never in an event loop.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.damage import Identity, identity
from fallbackrouter.store.faults import is_crowded, refusal
from fallbackrouter.store.opened import require

BUSY_MS = 1_000
"""How long another writer is waited for; a queue, unlike a call, can wait."""


class KeptJournal:
    """A connection that is made anew where another file lies in the journal's place, or where it was of no use."""

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._busy_ms = busy_ms
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None

    @contextmanager
    def transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        """Do one thing, all or nothing.

        Raises:
            StoreError: the journal is missing, locked, full or broken; nothing was changed.
        """
        try:
            connection = self._open()
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if not is_crowded(error):
                self.close()
            raise refusal(self._path, error) from None
        except OSError as error:
            raise StoreError(f"{self._path} cannot be reached: {error.strerror or error}; see to its disk") from None

    def _open(self) -> sqlite3.Connection:
        """Return the connection; a new one where another file lies in the place of the one that was open."""
        found = identity(self._path)
        if self._connection is None or found != self._identity:
            self.close()
            require(self._path)
            self._connection = connect(self._path, self._busy_ms)
            self._identity = found
        return self._connection

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def connect(path: Path, busy_ms: int) -> sqlite3.Connection:
    """Open a journal that is there, to read and write, in autocommit mode."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=busy_ms / 1000, check_same_thread=False, cached_statements=32
    )
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
