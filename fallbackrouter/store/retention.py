"""What goes from the journal when it is old, or when there is too much of it: the oldest first, a few rows a step.

Its rules: an event that the CRM has not been told is never deleted, nor is a made call that has not ended, or has so
lately that the CRM may ask for it again; what was remembered, the applied rules and the
saved addresses are no record and are not touched; a room that was freed is used again before the file grows, and is
given back to the disk once there is much of it.
"""

import sqlite3
from dataclasses import dataclass

from fallbackrouter.store.rows import json_text
from fallbackrouter.store.steps import Steps

_OLDEST_DECISIONS = "SELECT rowid, caller_key, at FROM decisions WHERE at < ? ORDER BY at LIMIT ?"
_OLDEST_EVENTS = """SELECT rowid, call_key, node FROM events
    WHERE state <> 'pending' AND ended_at < ? ORDER BY ended_at LIMIT ?"""
_OLDEST_INCIDENTS = "SELECT id FROM incidents WHERE at < ? ORDER BY id LIMIT ?"
_OLDEST_CALLS = """SELECT rowid FROM out_calls INDEXED BY out_calls_by_end
    WHERE ended_at IS NOT NULL AND ended_at < ? ORDER BY ended_at LIMIT ?"""
_FETCH_DECISION = "SELECT 1 FROM decisions INDEXED BY decisions_by_caller WHERE caller_key = ? AND at = ?"
_FETCH_EVENT = "SELECT 1 FROM events INDEXED BY events_by_call WHERE call_key = ? AND node = ?"
_DELETE = {
    "decisions": "DELETE FROM decisions WHERE rowid IN (SELECT value FROM json_each(?))",
    "events": "DELETE FROM events WHERE rowid IN (SELECT value FROM json_each(?)) AND state <> 'pending'",
    "incidents": "DELETE FROM incidents WHERE id IN (SELECT value FROM json_each(?))",
    "out_calls": "DELETE FROM out_calls WHERE rowid IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL",
}
_END_OF_TIME = 1 << 62


@dataclass(frozen=True, slots=True)
class Room:
    """What the journal's file takes.

    Attributes:
        file_bytes: of the file itself.
        free_bytes: of it, what is free to be used again.
    """

    file_bytes: int
    free_bytes: int

    @property
    def used_bytes(self) -> int:
        """What holds something."""
        return self.file_bytes - self.free_bytes


def room(connection: sqlite3.Connection) -> Room:
    """Return what the file takes."""
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _ROOM)
    return Room(pages * size, free * size)


_ROOM = ("page_count", "freelist_count", "page_size")


class Retention:
    """Deletes from one journal, step by step.

    Attributes:
        deleted: rows so far, by table.
    """

    def __init__(self, steps: Steps, vacuuming: Steps) -> None:
        self._steps = steps
        self._vacuuming = vacuuming
        self.deleted = dict.fromkeys(_DELETE, 0)

    def older_than(self, connection: sqlite3.Connection, before_ms: int) -> int:
        """Delete some of what is older than a moment (of events and calls: whose end is), and return how many rows.

        Args:
            before_ms: since 1970, UTC.

        Raises:
            sqlite3.Error: the lock could not be had, or the disk is in the way; nothing was deleted.
        """
        for table in _DELETE:
            rows = self._oldest(connection, table, before_ms)
            if rows:
                return self._delete(connection, table, rows)
        return 0

    def oldest(self, connection: sqlite3.Connection, calls_before_ms: int, before_ms: int = _END_OF_TIME) -> int:
        """Delete some of the oldest decisions, or of what ended before these were made, whatever their age.

        Args:
            calls_before_ms: made calls that ended later stay.
            before_ms: what is younger stays.
        """
        decisions = self._oldest(connection, "decisions", before_ms)
        ended_before_ms = min(before_ms, decisions[0][2]) if decisions else before_ms
        for table, bound_ms in (("events", ended_before_ms), ("out_calls", min(ended_before_ms, calls_before_ms))):
            ended = self._oldest(connection, table, bound_ms)
            if ended:
                return self._delete(connection, table, ended)
        return self._delete(connection, "decisions", decisions) if decisions else 0

    def _oldest(self, connection: sqlite3.Connection, table: str, before_ms: int) -> list[tuple[int, ...]]:
        """Return the oldest rows, having had the disk fetch what deleting them touches."""
        limits = (before_ms, self._steps.rows)
        if table == "incidents":
            return connection.execute(_OLDEST_INCIDENTS, limits).fetchall()
        if table == "out_calls":
            return connection.execute(_OLDEST_CALLS, limits).fetchall()
        if table == "events":
            rows = connection.execute(_OLDEST_EVENTS, limits).fetchall()
            for _, call_key, node in rows:
                connection.execute(_FETCH_EVENT, (call_key, node)).fetchone()
            return rows
        rows = connection.execute(_OLDEST_DECISIONS, limits).fetchall()
        for _, caller_key, at in rows:
            connection.execute(_FETCH_DECISION, (caller_key, at)).fetchone()
        return rows

    def _delete(self, connection: sqlite3.Connection, table: str, rows: list[tuple[int, ...]]) -> int:
        gone = self._steps.run(connection, _DELETE[table], (json_text([row[0] for row in rows]),))
        self.deleted[table] += gone
        return gone

    def give_back(self, connection: sqlite3.Connection, keep_bytes: int) -> bool:
        """Give some of the room that is free back to the disk; True: something was given back.

        Args:
            keep_bytes: so much free room stays, for the next rows.
        """
        before = room(connection)
        if before.free_bytes <= keep_bytes:
            return False
        with self._vacuuming.measured():
            # It yields a row without columns for each page, at the first of which `execute` would stop.
            connection.executescript(f"PRAGMA incremental_vacuum({self._vacuuming.rows})")
        # A journal that was not made by us may be unable to shrink: it is not tried for ever.
        return room(connection).file_bytes < before.file_bytes
