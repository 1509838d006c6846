"""Whether a journal is sound: its pages and indexes, its schema, its events' numbers, and what is in it."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.faults import DamagedError, is_damage
from fallbackrouter.store.moments import iso
from fallbackrouter.store.retention import room
from fallbackrouter.store.schema import REVISION
from fallbackrouter.store.search import looking

MAX_TOLD = 20
"""The most faults that are told one by one."""
TABLES = ("decisions", "events", "incidents", "remembered", "rulesets", "addresses")
_INCREMENTAL = 2
_GAPS = """SELECT count(*) FROM (
    SELECT 1 FROM events GROUP BY call_key, node HAVING max(seq) - min(seq) + 1 <> count(*))"""
_STATES = "SELECT state, count(*) FROM events GROUP BY state ORDER BY state"


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found.

    Attributes:
        damage: what is wrong with the file, as SQLite says it; empty: it is sound.
        remarks: what an admin should know, in plain sentences.
        schema: its version, "" where it has none.
        counts: rows by table.
        states: events by state.
        oldest, newest: when the first and the last decision was made, ISO 8601; "" without any.
        file_bytes, free_bytes: its size, and how much of it is free to be used again.
    """

    damage: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    schema: str = ""
    counts: Mapping[str, int] | None = None
    states: Mapping[str, int] | None = None
    oldest: str = ""
    newest: str = ""
    file_bytes: int = 0
    free_bytes: int = 0


def examine(path: Path) -> Examined:
    """Look at a journal, also at one that a service writes to. Blocking: a minute for some gigabytes.

    Raises:
        StoreError: there is no journal, or it cannot be read for another reason than damage.
    """
    try:
        with looking(path) as connection:
            connection.row_factory = None
            try:
                return _examine(connection)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                return Examined(damage=(str(error),))
    except DamagedError as error:
        return Examined(damage=(str(error),))


def _examine(connection: sqlite3.Connection) -> Examined:
    connection.execute("BEGIN")
    told = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_TOLD})")]
    damage = tuple(told) if told != ["ok"] else ()
    schema = _schema(connection)
    if schema != REVISION:
        return Examined(damage, (_of_another_version(schema),), schema)
    taken = room(connection)
    oldest, newest = (_moment(connection, order) for order in ("ASC", "DESC"))
    return Examined(
        damage,
        tuple(_remarks(connection)),
        schema,
        {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES},  # noqa: S608 - our own names
        dict(connection.execute(_STATES).fetchall()),
        oldest,
        newest,
        taken.file_bytes,
        taken.free_bytes,
    )


def _schema(connection: sqlite3.Connection) -> str:
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise StoreError("this is no journal: it has no tables of ours; name the data_dir of a router") from None
    return str(row[0]) if row else ""


def _of_another_version(schema: str) -> str:
    if schema > REVISION:
        return (
            f"it has schema {schema}, newer than this program's {REVISION}; look at it with the program that wrote it"
        )
    return f"it has schema {schema or 'none'}, this program's is {REVISION}; the service migrates it when it starts"


def _remarks(connection: sqlite3.Connection) -> list[str]:
    found = []
    gaps = connection.execute(_GAPS).fetchone()[0]
    if gaps:
        found.append(f"of {gaps} calls an event is missing between others; `events list --call` shows which are there")
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
        found.append(
            "it cannot give room back to the disk; with the service stopped, run "
            "`sqlite3 journal.db 'PRAGMA auto_vacuum=2; VACUUM'` (it takes as much room again, and minutes)"
        )
    return found


def _moment(connection: sqlite3.Connection, order: str) -> str:
    row = connection.execute(f"SELECT at FROM decisions ORDER BY at {order} LIMIT 1").fetchone()  # noqa: S608 - ASC or DESC
    return "" if row is None else iso(row[0])
