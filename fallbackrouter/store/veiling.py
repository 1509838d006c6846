"""Hides the numbers in rows that are old enough, a few rows a step, each row once.

Decisions are taken in the order in which they were recorded, events and made calls in the order in which they ended:
an event that the CRM has not been told keeps its numbers, as the CRM has to hear them. How far this has come is kept
in the journal, once it has come there. After a crash, and where the row that was reached is gone or is another (VACUUM
numbers rows anew), rows are taken again: what is hidden already stays as it is.
"""

import sqlite3
from collections.abc import Mapping
from itertools import chain
from typing import Any

import msgspec

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.store.masking import Hide, Veil, is_number
from fallbackrouter.store.statements import values
from fallbackrouter.store.steps import Steps

Place = tuple[int, int, str]
"""An event's or a call's end, the row, and its id."""

_REACHED = "SELECT at, row, id FROM progress WHERE job = ?"
_REACH = "INSERT OR REPLACE INTO progress (job, at, row, id) VALUES (?, ?, ?, ?)"
# Recorded before one that is old enough is old enough, whatever a clock that was wrong has written into it.
_LAST_DECISION = "SELECT rowid FROM decisions WHERE at < ? ORDER BY at DESC LIMIT 1"
_SAME = "SELECT 1 FROM decisions WHERE rowid = ? AND id = ?"
_DECISIONS = """SELECT rowid, id, did, caller_key, caller, line, channel, route, trail FROM decisions
    WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?"""
_EVENTS = """SELECT rowid, event_id, ended_at, did, caller, details, answer, tries FROM events
    WHERE state <> 'pending' AND ended_at >= ? AND ended_at < ? AND (ended_at > ? OR rowid > ?)
    ORDER BY ended_at, rowid LIMIT ?"""
_CALLS = """SELECT rowid, out_id, ended_at, channel, exten, caller, details, reason
    FROM out_calls INDEXED BY out_calls_by_end
    WHERE ended_at IS NOT NULL AND ended_at >= ? AND ended_at < ? AND (ended_at > ? OR rowid > ?)
    ORDER BY ended_at, rowid LIMIT ?"""
_HIDDEN = {
    "decisions": ("caller_key", "caller", "line", "channel", "route", "trail"),
    "events": ("did", "caller", "details", "answer", "tries"),
    "out_calls": ("channel", "exten", "caller", "details", "reason"),
}


def hide_sql(table: str, rows: int) -> str:
    """Return the SQL that writes so many rows of the columns that are hidden, each with its row number at the end."""
    columns = _HIDDEN[table]
    names = ", ".join((*columns, "place"))
    changes = ", ".join(f"{name} = given.{name}" for name in columns)
    given = values(len(columns) + 1, rows)
    return f"""WITH given ({names}) AS (VALUES {given})
        UPDATE {table} SET {changes} FROM given WHERE {table}.rowid = given.place"""  # noqa: S608 - our own names


class Veiling:
    """Hides numbers in one journal.

    Args:
        read: reads a number as it came, so that two spellings of a caller have one pseudonym.

    Attributes:
        hidden: rows so far.
    """

    def __init__(self, hide: Hide, read: ReadNumber, steps: Steps) -> None:
        self._hide = hide
        self._read = read
        self._steps = steps
        self.hidden = 0

    def older_than(self, connection: sqlite3.Connection, before_ms: int) -> int:
        """Hide the numbers in some of the rows that are older than a moment, and return how many rows.

        Args:
            before_ms: since 1970, UTC; of an event and a made call, its end has to be.

        Raises:
            sqlite3.Error: the lock could not be had, or the disk is in the way; nothing was changed.
        """
        return (
            self._decisions(connection, before_ms)
            or self._ended(connection, "events", before_ms)
            or self._ended(connection, "out_calls", before_ms)
        )

    def _decisions(self, connection: sqlite3.Connection, before_ms: int) -> int:
        last = connection.execute(_LAST_DECISION, (before_ms,)).fetchone()
        _, reached, decision_id = _reached(connection, "decisions")
        if connection.execute(_SAME, (reached, decision_id)).fetchone() is None:
            reached = 0
        if last is None or last[0] <= reached:
            return 0
        rows = connection.execute(_DECISIONS, (reached, last[0], self._steps.rows)).fetchall()
        if not rows:
            return 0
        changes = [self._decision(row) for row in rows]
        return self._write(connection, "decisions", changes, (0, rows[-1][0], rows[-1][1]))

    def _decision(self, found: tuple[int, str, str, str, str, str, str, str, str]) -> tuple[object, ...]:
        row, _, did, caller_key, caller, line, channel, route, trail = found
        veil = Veil(self._hide, did, caller_key)
        hidden = (veil.caller(caller_key), veil.caller(caller), veil.text(line), veil.channel(channel))
        return (*hidden, veil.json(route), veil.json(trail), row)

    def _ended(self, connection: sqlite3.Connection, table: str, before_ms: int) -> int:
        query, hidden = (_EVENTS, self._event) if table == "events" else (_CALLS, self._call)
        at, row, _ = _reached(connection, table)
        rows = connection.execute(query, (at, before_ms, at, row, self._steps.rows)).fetchall()
        if not rows:
            return 0
        changes = [hidden(row) for row in rows]
        return self._write(connection, table, changes, (rows[-1][2], rows[-1][0], rows[-1][1]))

    def _event(self, found: tuple[Any, ...]) -> tuple[object, ...]:
        row, _, _, did, caller, details, answer, tries = found
        extra = _extra(details)
        if extra.get("direction") == "out":  # the dialled number is not our own
            veil = self._of_others(did, str(extra.get("exten", "")))
            hidden = (veil.text(did), veil.text(caller))
        else:
            veil = Veil(self._hide, did, self._read(caller).key)
            hidden = (did, veil.caller(caller))
        return (*hidden, veil.json(details), veil.text(answer), veil.json(tries), row)

    def _call(self, found: tuple[Any, ...]) -> tuple[object, ...]:
        row, _, _, channel, exten, caller, details, reason = found
        dialled = channel.partition("/")[2].partition("@")[0]
        veil = self._of_others(dialled, exten)
        return (veil.text(channel), veil.text(exten), veil.text(caller), veil.json(details), veil.text(reason), row)

    def _of_others(self, *numbers: str) -> Veil:
        """Return what hides every number; the first that is one, in all its spellings alike."""
        keys = (self._read(number).key for number in numbers)
        return Veil(self._hide, "", next((key for key in keys if is_number(key)), ""))

    def _write(
        self, connection: sqlite3.Connection, table: str, changes: list[tuple[object, ...]], place: Place
    ) -> int:
        self._steps.run(connection, hide_sql(table, len(changes)), list(chain(*changes)))
        connection.execute(_REACH, (table, *place))
        self.hidden += len(changes)
        return len(changes)


def _extra(details: str) -> Mapping[str, Any]:
    try:
        extra = msgspec.json.decode(details).get("extra")
    except (msgspec.DecodeError, AttributeError):
        return {}
    return extra if isinstance(extra, dict) else {}


def _reached(connection: sqlite3.Connection, job: str) -> Place:
    row = connection.execute(_REACHED, (job,)).fetchone()
    return (0, 0, "") if row is None else (row[0], row[1], row[2])
