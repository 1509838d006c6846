"""Writes routes.db: a cache and immutable, so a new file for each sync, visible all at once or not at all.

Rows come in any order and any number; they are staged in a file beside it, by id, and then laid down in the order of
their keys, so that a look-up reads one place for each key. What bounds a look-up is held here: the number of shapes,
of patterns that have none, and of routes under one key.

`user_version` names the file's schema; a file of another schema is made anew by the next sync.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from fallbackrouter.core.errors import FeedError
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.route_row import RouteRow, WriteSummary
from fallbackrouter.store.route_shapes import Shape, key, placed

SCHEMA = 1
MAX_PATTERNS = 10_000
"""The most routes whose pattern has no shape to be looked up by."""
MAX_SHAPES = 256
"""The most combinations of shapes; each is a text to look up for each call."""
MAX_ROUTES_PER_KEY = 200
"""The most routes with one and the same did and caller; a look-up may have to go through all of them."""

_CHUNK = 2000
_KNOWN_BODIES = 50_000
_COLUMNS = """key TEXT NOT NULL, rank INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, stage TEXT NOT NULL,
    body INTEGER NOT NULL, valid_from INTEGER, valid_until INTEGER"""
_TABLES = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE bodies (body INTEGER PRIMARY KEY, result TEXT NOT NULL, windows TEXT NOT NULL, zone TEXT NOT NULL)",
    f"CREATE TABLE routes ({_COLUMNS}, PRIMARY KEY (key, rank, place, id)) WITHOUT ROWID",
    f"CREATE TABLE patterns ({_COLUMNS})",
    f"CREATE TABLE staged.rows (indexed INTEGER NOT NULL, {_COLUMNS}, PRIMARY KEY (id)) WITHOUT ROWID",
)
_PRAGMAS = (
    "main.journal_mode = OFF",
    "main.synchronous = OFF",
    "staged.journal_mode = OFF",
    "staged.synchronous = OFF",
    "staged.cache_size = -65536",
    f"main.user_version = {SCHEMA}",
)
_STAGE = "INSERT OR REPLACE INTO staged.rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LAY = (
    """INSERT INTO routes SELECT key, rank, place, id, stage, body, valid_from, valid_until
        FROM staged.rows WHERE indexed ORDER BY key, rank, place, id""",
    """INSERT INTO patterns SELECT key, rank, place, id, stage, body, valid_from, valid_until
        FROM staged.rows WHERE NOT indexed ORDER BY place, id""",
)
_CROWDED = "SELECT min(id) FROM routes GROUP BY key HAVING count(*) > ? LIMIT 1"

_encode = msgspec.json.Encoder().encode


def write_routes(path: Path, rows: Iterable[RouteRow], *, synced_at: datetime, cursor: str = "") -> WriteSummary:
    """Make a new routes.db of these rows, and put it in the place of the former one. Blocking.

    Args:
        rows: checked; any number, read once.
        cursor: what the feed wants to be asked with next time.

    Raises:
        FeedError: a row cannot be looked up, or there are too many of a kind; the former file stays.
        StoreError: the disk is in the way; the former file stays.
    """
    new, staged = path.with_suffix(".new"), path.with_suffix(".staged")
    try:
        _remove(new, staged)
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS staged", (str(staged),))
            summary = _Writing(connection).write(rows, {"synced_at": str(to_ms(synced_at)), "cursor": cursor})
        _put_in_place(new, path)
    except (sqlite3.Error, OSError) as error:
        raise refusal(path, error) from None
    finally:
        _remove(new, staged)
    return summary


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _put_in_place(new: Path, path: Path) -> None:
    """Rename the new file once the disk has it, and have the disk take the new name too."""
    _sync(new)
    new.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Writing:
    """One new file on its way, and what is counted meanwhile."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._bodies: dict[tuple[str, str, str], int] = {}
        self._last_body = 0
        self._pairs: set[tuple[Shape, Shape]] = set()
        self._zones: set[str] = set()
        # The file is thrown away if anything goes wrong: no need for it to be safe before it is renamed.
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    def write(self, rows: Iterable[RouteRow], facts: dict[str, str]) -> WriteSummary:
        connection = self._connection
        connection.execute("BEGIN")
        for table in _TABLES:
            connection.execute(table)
        self._stage(rows)
        for lay in _LAY:
            connection.execute(lay)
        summary = self._summary()
        facts |= {"count": str(summary.count), "zones": _encode(sorted(self._zones)).decode()}
        facts["shapes"] = _encode(sorted(self._pairs)).decode()
        connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        connection.execute("COMMIT")
        return summary

    def _stage(self, rows: Iterable[RouteRow]) -> None:
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK)):
            self._connection.executemany(_STAGE, list(map(self._staged, chunk)))
            if len(self._pairs) > MAX_SHAPES:
                raise FeedError(
                    f"the feed has more than {MAX_SHAPES} combinations of kinds of did and caller; "
                    "use fewer different lengths of prefixes"
                )

    def _staged(self, row: RouteRow) -> tuple[object, ...]:
        try:
            did, caller = placed(row.did), placed(row.caller)
        except ValueError as error:
            raise FeedError(f"row {row.id}: {error}") from None
        indexed = False
        if did.shape is not None and caller.shape is not None:
            indexed = True
            self._pairs.add((did.shape, caller.shape))
        at = [None if moment is None else to_ms(moment) for moment in (row.valid_from, row.valid_until)]
        found_by = key(did.text, caller.text)
        return (indexed, found_by, -row.priority, row.order, row.id, row.stage, self._body(row), *at)

    def _body(self, row: RouteRow) -> int:
        """Return the number of what many routes have in common, written once."""
        windows = _encode(row.when).decode() if row.when else ""
        body = (_encode(dict(row.result)).decode(), windows, row.timezone if row.when else "")
        known = self._bodies.get(body)
        if known is not None:
            return known
        if len(self._bodies) >= _KNOWN_BODIES:
            self._bodies.clear()
        self._last_body += 1
        self._bodies[body] = self._last_body
        self._zones.add(body[2])
        self._connection.execute("INSERT INTO bodies VALUES (?, ?, ?, ?)", (self._last_body, *body))
        return self._last_body

    def _summary(self) -> WriteSummary:
        routes, patterns = (self._count(table) for table in ("routes", "patterns"))
        if patterns > MAX_PATTERNS:
            raise FeedError(
                f"{patterns} routes have patterns other than a prefix, at most {MAX_PATTERNS} may; "
                "write prefixes such as _7499. or _7499XXXXXXX where they will do"
            )
        crowded = self._connection.execute(_CROWDED, (MAX_ROUTES_PER_KEY,)).fetchone()
        if crowded is not None:
            raise FeedError(
                f"more than {MAX_ROUTES_PER_KEY} routes have the did and the caller of row {crowded[0]}; "
                "tell them apart by did or caller"
            )
        return WriteSummary(routes + patterns, patterns, len(self._pairs))

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our names
