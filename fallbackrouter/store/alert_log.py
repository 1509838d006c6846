"""Incidents in the order in which they were recorded, and how far each way of telling them has come.

Plain and blocking: callers run it in a thread of theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.core.alerting import Incident
from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.opened import opened

_COLUMNS = "id, at, part, state, reason"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a way has come.

    Attributes:
        number: of the last incident that is dealt with.
        at: when that was, UTC.
        day: the day of the last daily line, "" before the first.
    """

    number: int
    at: datetime
    day: str = ""


def load_place(path: Path, way: str) -> Place | None:
    """Return how far a way has come, None where it has not begun.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        row = connection.execute('SELECT "row", at, id FROM progress WHERE job = ?', (_job(way),)).fetchone()
    return Place(row[0], from_ms(row[1]), row[2]) if row else None


def save_place(path: Path, way: str, place: Place) -> None:
    """Keep how far a way has come.

    Raises:
        StoreError: the journal cannot be written.
    """
    with opened(path) as connection:
        connection.execute(
            'INSERT OR REPLACE INTO progress (job, at, "row", id) VALUES (?, ?, ?, ?)',
            (_job(way), to_ms(place.at), place.number, place.day),
        )


def newest_incident(path: Path, before: datetime) -> int:
    """Return the number of the newest incident before a moment, 0 where there is none.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        (newest,) = connection.execute("SELECT max(id) FROM incidents WHERE at < ?", (to_ms(before),)).fetchone()
    return newest or 0


def incidents_behind(path: Path, number: int, limit: int) -> list[Incident]:
    """Return the incidents after one, the oldest first; all that there are where the journal is another than before.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        (newest,) = connection.execute("SELECT max(id) FROM incidents").fetchone()
        behind = number if number <= (newest or 0) else 0
        sql = f"SELECT {_COLUMNS} FROM incidents WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - our own names
        return _read(connection.execute(sql, (behind, limit)))


def incidents_since(path: Path, since: datetime, up_to: int, limit: int) -> list[Incident]:
    """Return the latest incidents up to one, the oldest first.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    sql = f"SELECT {_COLUMNS} FROM incidents WHERE id <= ? AND at >= ? ORDER BY id DESC LIMIT ?"  # noqa: S608 - the same
    with opened(path) as connection:
        return _read(connection.execute(sql, (up_to, to_ms(since), limit)))[::-1]


def _job(way: str) -> str:
    return f"alerts by {way}"


def _read(rows: Iterable[tuple[Any, ...]]) -> list[Incident]:
    return [Incident(number, from_ms(at_ms), part, state, reason) for number, at_ms, part, state, reason in rows]
