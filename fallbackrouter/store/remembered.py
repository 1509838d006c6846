"""The CRM's latest good answers as they lie in the journal, so that they outlive a worker and reach its siblings.

Each write takes the next number of `change`, inside the write transaction; a worker asks for what came after the
number that it knows and leaves out what it wrote itself (`writer`). Forgetting leaves a tombstone, else the others
would never hear of it. The row with the highest number is never pruned: numbers must not be given twice.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import msgspec

from fallbackrouter.core.route import Route
from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.rows import Row, json_text
from fallbackrouter.store.statements import values

MAX_CHANGES = 2000
"""The most changes read at once; more wait for the next look."""
_PRUNED_AT_ONCE = 500

_COLUMNS = ("nth", "key", "route", "at", "ttl_s", "fallback_rule", "writer")
_LATEST = "SELECT coalesce(max(change), 0) FROM remembered"
_NEWEST = """SELECT key, route, at, ttl_s, fallback_rule FROM remembered
    WHERE route IS NOT NULL AND at >= ? ORDER BY change DESC LIMIT ?"""
_CHANGES = """SELECT key, route, at, ttl_s, fallback_rule, writer, change FROM remembered
    WHERE change > ? ORDER BY change LIMIT ?"""
_OLDEST = "SELECT at FROM remembered ORDER BY change LIMIT 1"
_PRUNE = """DELETE FROM remembered WHERE at < ? AND change < (SELECT max(change) FROM remembered)
    AND change IN (SELECT change FROM remembered ORDER BY change LIMIT ?)"""

_decode = msgspec.json.Decoder(Route).decode


@dataclass(frozen=True, slots=True)
class RememberedEntry:
    """An answer of the live CRM.

    Attributes:
        key: the question that it answers.
        at: UTC, when the CRM gave it.
        ttl_s: how long it counts as fresh.
        fallback_rule: the fallback rule that won then, "" for none.
    """

    key: str
    route: Route
    at: datetime
    ttl_s: float
    fallback_rule: str = ""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The CRM has said since that it knows no route for this question."""

    key: str
    at: datetime


Change = RememberedEntry | Forgotten
_Stored = tuple[str, str | None, int, float, str]


def latest_change(connection: sqlite3.Connection) -> int:
    """Return the highest number of change, 0 where nothing was ever remembered."""
    return int(connection.execute(_LATEST).fetchone()[0])


@cache
def write(rows: int) -> str:
    """Return the SQL that writes `change_rows`, as one transaction of its own where nothing else is to be written."""
    return f"""WITH given ({", ".join(_COLUMNS)}) AS (VALUES {values(len(_COLUMNS), rows)})
        INSERT INTO remembered (key, route, at, ttl_s, fallback_rule, writer, change)
        SELECT key, route, at, ttl_s, fallback_rule, writer, nth + ({_LATEST}) FROM given WHERE true
        ON CONFLICT (key) DO UPDATE SET route = excluded.route, at = excluded.at, ttl_s = excluded.ttl_s,
        fallback_rule = excluded.fallback_rule, writer = excluded.writer, change = excluded.change
        """  # noqa: S608 - our own names


def change_rows(changes: Iterable[Change], writer: str) -> list[Row]:
    """Return the rows of these changes; of several about one question the last counts."""
    latest = {change.key: change for change in changes}
    return [(nth, *_row(change, writer)) for nth, change in enumerate(latest.values(), 1)]


def _row(change: Change, writer: str) -> Row:
    at_ms = to_ms(change.at)
    if isinstance(change, Forgotten):
        return (change.key, None, at_ms, 0.0, "", writer)
    return (change.key, json_text(change.route), at_ms, change.ttl_s, change.fallback_rule, writer)


def newest(connection: sqlite3.Connection, limit: int, not_before: datetime) -> list[RememberedEntry]:
    """Return the latest answers, oldest first, so that a cache that is filled in this order keeps the newest."""
    rows = connection.execute(_NEWEST, (to_ms(not_before), limit)).fetchall()
    entries = [entry for entry in map(_change, rows) if isinstance(entry, RememberedEntry)]
    entries.reverse()
    return entries


def changes_of_others(connection: sqlite3.Connection, after: int, writer: str) -> tuple[list[Change], int]:
    """Return what others wrote after a number of change, in order, and the number up to which was looked."""
    rows = connection.execute(_CHANGES, (after, MAX_CHANGES)).fetchall()
    others = [_change(row[:5]) for row in rows if row[5] != writer]
    return others, rows[-1][6] if rows else after


def _change(row: _Stored) -> Change:
    key, route, at_ms, ttl_s, fallback_rule = row
    if route is None:
        return Forgotten(key, from_ms(at_ms))
    try:
        return RememberedEntry(key, _decode(route), from_ms(at_ms), ttl_s, fallback_rule)
    except msgspec.DecodeError:
        return Forgotten(key, from_ms(at_ms))  # what cannot be read is not remembered


def prune(connection: sqlite3.Connection, before: datetime) -> None:
    """Delete some of what is older than this; asks for the write lock only where there is something."""
    oldest = connection.execute(_OLDEST).fetchone()
    if oldest is not None and oldest[0] < to_ms(before):
        connection.execute(_PRUNE, (to_ms(before), _PRUNED_AT_ONCE))
