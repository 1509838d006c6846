"""The journal's file in the hands of its writer: opened, written, watched, and replaced where it is damaged.

Everything here runs in the writer's thread and may hang as long as the disk does. Its rules:

- the file is made here only where it is missing or was set aside; else the migrations made it;
- a damaged file is renamed, never deleted, by one process; the others find another file in its place and open that.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from fallbackrouter.clock import Clock
from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.core.errors import StoreError
from fallbackrouter.store import remembered, routed, schema, statements
from fallbackrouter.store.damage import Identity, alone, identity, leftovers_aside, set_aside
from fallbackrouter.store.disk import disk_free_bytes
from fallbackrouter.store.faults import is_crowded, is_damage, is_full, is_locked
from fallbackrouter.store.rows import Row, decision_row, event_row, spelled_out

T = TypeVar("T")
Recorded = Decision | Event
"""What calls wait for."""

_BUSY_S = 0.2
_LOOK_AGAIN_S = 0.0005
_PRAGMAS = (
    f"busy_timeout = {int(_BUSY_S * 1000)}",
    "synchronous = NORMAL",  # a crash of ours loses nothing, and one of the machine at most what its disk had not taken
    "temp_store = MEMORY",
    "journal_size_limit = 134217728",
)
LOG_PAGES, LOG_PAGES_WITH_ROOM = 1_000, 30_720
"""The pages of the write-ahead log from which on a commit carries it over itself. Where its disk has room, upkeep does
so before, and no call waits for a disk; a small disk would be filled by a log that then cannot be carried over any
more."""
MUCH_ROOM_BYTES = 536_870_912
_INSERT_INCIDENT = "INSERT INTO incidents (at, part, state, reason) VALUES (?, ?, ?, ?)"


class JournalFile:
    """One writer's journal.

    Args:
        path: journal.db.
        on_note: told in plain words when the file was replaced.
        max_stale_s: how long answers are remembered at all.
        routed: the stage of events that tell of calls that the CRM did not route, "" for none.
    """

    def __init__(
        self, path: Path, clock: Clock, on_note: Callable[[str], None], max_stale_s: float, *, routed: str = ""
    ) -> None:
        self._path = path
        self._clock = clock
        self._on_note = on_note
        self._max_stale = timedelta(seconds=max_stale_s)
        self._routed = routed
        self._writer = secrets.token_hex(8)
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._seen: int | None = None

    def write(self, recorded: Sequence[Recorded]) -> None:
        """Write decisions and events in one transaction.

        Raises:
            sqlite3.Error, OSError, StoreError: the file could not be written; ask `recover` and try again.
            ValueError, TypeError, OverflowError: a row is not fit to be written.
        """
        decisions = [decision_row(what) for what in recorded if isinstance(what, Decision)]
        events = [event_row(what) for what in recorded if isinstance(what, Event)]
        numbered = [(place, *row) for place, row in enumerate(events)]
        self._run([*statements.many(statements.decisions, decisions), *statements.many(statements.events, numbered)])

    def write_later(self, times: Sequence[Row], changes: Iterable[remembered.Change], incidents: Iterable[Row]) -> None:
        """Write what nobody waits for, in one transaction; raises as `write` does."""
        rows = remembered.change_rows(changes, self._writer)
        written = [*statements.many(statements.times, times), *statements.many(remembered.write, rows)]
        self._run([*written, *((_INSERT_INCIDENT, row) for row in incidents)])

    def _run(self, written: Sequence[statements.Statement]) -> None:
        connection = self._open()
        try:
            _in_turn(partial(statements.run, connection, written))
        except UnicodeEncodeError:  # half a surrogate pair came from outside: it is spelled out, never refused
            spelled = [(sql, spelled_out(values)) for sql, values in written]
            _in_turn(partial(statements.run, connection, spelled))

    def load_remembered(self, limit: int) -> list[remembered.RememberedEntry]:
        """Return the newest answers, oldest first; later changes come by `changes`. Raises as `write` does."""
        connection = self._open()
        self._seen = _in_turn(partial(remembered.latest_change, connection))
        since = self._clock.now_at() - self._max_stale
        return _in_turn(partial(remembered.newest, connection, limit, since))

    def changes(self) -> list[remembered.Change]:
        """Return what other writers remembered or forgot since the last look. Raises as `write` does."""
        self._follow()
        connection = self._open()
        self._bound_log(connection)
        if self._seen is None:
            self._seen = _in_turn(partial(remembered.latest_change, connection))
        changes, self._seen = _in_turn(partial(remembered.changes_of_others, connection, self._seen, self._writer))
        _in_turn(partial(remembered.prune, connection, self._clock.now_at() - self._max_stale))
        return changes

    def recover(self, error: Exception) -> None:
        """Do what can be done about an error, so that the next try may pass; never raises."""
        try:
            if is_damage(error):
                self._replace()
            elif is_full(error):
                self._shorten_log()
            elif not is_crowded(error):
                self.close()
        except StoreError:
            self.close()  # another process is replacing it
        except OSError as failure:
            self._on_note(f"{self._path.name} is damaged and could not be set aside: {failure}")

    def _shorten_log(self) -> None:
        """Carry the write-ahead log over and give its room back: on a full disk it may be what takes the room."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; a no-op where it is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self._path.exists():
                self._make()
            self._identity = identity(self._path)
            self._connection = self._connect("rw")
        return self._connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=64)
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            if not schema.has_tables(connection):
                schema.create(connection)
            if self._routed:
                connection.execute(routed.trigger(self._routed))
            connection.execute("PRAGMA busy_timeout = 0")  # from here on by _in_turn
            self._bound_log(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _bound_log(self, connection: sqlite3.Connection) -> None:
        much = disk_free_bytes(self._path.parent) >= MUCH_ROOM_BYTES
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES_WITH_ROOM if much else LOG_PAGES}")

    def _make(self) -> None:
        with alone(self._path):
            leftovers_aside(self._path, self._clock.now_at())
            if not self._path.exists():
                self._connect("rwc").close()

    def _replace(self) -> None:
        """Set the damaged file aside, unless another process has done so already."""
        with alone(self._path):
            if self._identity in (None, identity(self._path)):
                aside = set_aside(self._path, self._clock.now_at())
                self._on_note(f"{self._path.name} was damaged; it lies in {aside} now, and a new one was begun")
            self._start_over()

    def _follow(self) -> None:
        """Open the file anew where another lies in its place."""
        if self._connection is not None and identity(self._path) != self._identity:
            self._on_note(f"another {self._path.name} lies in the place of the one that was written to; it is used now")
            self._start_over()

    def _start_over(self) -> None:
        # Closed only now that the file has moved: SQLite then leaves the -wal alone, which may be the new file's.
        self.close()
        self._seen = 0


def _in_turn(work: Callable[[], T]) -> T:
    """Do something for which the file must be free, for _BUSY_S behind whoever else writes.

    SQLite's own wait would look again after 1, 3, 8, 18, 33 ms, where others hold the lock for 2 ms.

    Raises:
        sqlite3.Error: it is not free, or whatever else kept it from being done.
    """
    for _ in range(int(_BUSY_S / _LOOK_AGAIN_S)):
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_locked(error):
                raise
        time.sleep(_LOOK_AGAIN_S)
    return work()
