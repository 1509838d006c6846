"""Journals with events in them, and an outbox whose process can die between any two steps."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.decision import Event
from fallbackrouter.store import schema
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.outbox import Outbox, OutEvent
from fallbackrouter.store.rows import EVENT_COLUMNS

FILLED = f"""WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < ?4 - 1)
    INSERT INTO events ({", ".join(EVENT_COLUMNS)}, due_at, seq)
    SELECT printf('019e0000-0000-7000-8000-%012x', i), ?1, 'pbx1', 'c' || (i % ?2), '', 'c' || (i % ?2), 'start',
    '1', '2', '', '{{}}', 'pending', 0, ?3, 1 + i / ?2 FROM n"""  # noqa: S608 - our own names


class Killed(BaseException):
    """The process is no more."""


class Mortal(sqlite3.Connection):
    """A connection whose process dies before its so-manieth statement, and does nothing more."""

    left: int | None = None

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.left is not None:
            if self.left == 0:
                raise Killed
            self.left -= 1
        return super().execute(sql, *values)


class MortalOutbox(Outbox):
    """An outbox that can be killed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._journal = path

    def die_after(self, statements: int | None) -> None:
        """Die before the statement that follows so many more; None: live on."""
        connection = self._open()
        assert isinstance(connection, Mortal)
        connection.left = statements

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._journal, isolation_level=None, factory=Mortal)
        return self._connection


def make_journal(path: Path, events: Iterable[Event] = ()) -> Path:
    """Make a journal that holds these events, as a call worker writes them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.create(connection)
    add_events(path, events)
    return path


def add_events(path: Path, events: Iterable[Event]) -> None:
    """Write events as a call worker does."""
    file = JournalFile(path, SystemClock(), _unexpected, 86_400)
    for event in events:
        file.write([event])
    file.close()


def fill(path: Path, count: int, calls: int, at: datetime, due_at: datetime) -> None:
    """Write very many pending events, of so many calls."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(FILLED, (to_ms(at), calls, to_ms(due_at), count))


def stored(path: Path, columns: str = "event_id, state, attempts") -> list[tuple[Any, ...]]:
    """Return events as they lie in the journal, by call and place."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM events ORDER BY call_key, seq").fetchall()  # noqa: S608 - ours


def ids(events: Iterable[OutEvent]) -> list[str]:
    """Return the ids of events."""
    return [event.event_id for event in events]


def _unexpected(note: str) -> None:
    raise AssertionError(note)
