"""Counts in what a draft of routes.db, which holds all routes, differs from the file that serves."""

import sqlite3
from contextlib import closing
from pathlib import Path

from fallbackrouter.store import route_tables as sql

_COUNTED = "SELECT (SELECT count(*) FROM routes) + (SELECT count(*) FROM patterns)"
_SAID = "SELECT value FROM facts WHERE name = 'count'"


def compare_with_former(db: sqlite3.Connection, former: Path, count: int) -> dict[str, int]:
    """Return how many routes there were, and how many came, changed, went and stayed.

    A file that is damaged is replaced like one that is whole: what it can no longer tell is reckoned from how many
    routes it had, so that a feed which drops too many is noticed all the same.

    Args:
        former: the file that serves; it need not be there.
        count: how many routes the draft holds.

    Raises:
        sqlite3.Error: the disk is in the way.
    """
    had, whole = _look_at(former)
    if had and whole:
        db.execute("ATTACH ? AS former", (_read_only(former),))
        return {"former": had, **_compared(db, count)}
    more, fewer = max(0, count - had), max(0, had - count)
    return {"former": had, "added": more, "changed": count - more, "removed": fewer, "unchanged": 0}


def is_whole(db: sqlite3.Connection) -> bool:
    """Tell whether a file holds what it says; counting goes through every page, and costs little.

    Raises:
        sqlite3.Error: it is damaged.
    """
    one(db, "SELECT count(*) FROM bodies")
    return one(db, _COUNTED) == one(db, _SAID)


def _look_at(former: Path) -> tuple[int, bool]:
    """Return how many routes the former file says that it holds, 0 where it cannot be read, and whether it is whole.

    By a connection of its own: one that has met damage writes nothing more.
    """
    if not former.exists():
        return 0, False
    had = 0
    try:
        with closing(sqlite3.connect(_read_only(former), uri=True)) as source:
            if one(source, "PRAGMA user_version") != sql.SCHEMA:
                return 0, False
            had = one(source, _SAID)
            return had, is_whole(source)
    except (sqlite3.DatabaseError, TypeError, ValueError):
        return had, False  # a cache that cannot be read is replaced like one that is not there


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"


def _compared(db: sqlite3.Connection, count: int) -> dict[str, int]:
    run = db.execute
    run(sql.SAME_BODIES)
    run(sql.SAME_INDEX)
    matched = unchanged = 0
    for table in ("routes", "patterns"):
        pair = run(sql.MATCHED.format(table, "key, rank, id")).fetchone()
        matched, unchanged = matched + pair[0], unchanged + (pair[1] or 0)
    run(sql.UNMATCHED.format("former", "main", "gone"))
    run(sql.UNMATCHED.format("main", "former", "come"))
    moved, gone = one(db, sql.MOVED), one(db, "SELECT count(*) FROM temp.gone")
    return {
        "added": count - matched - moved,
        "changed": matched - unchanged + moved,
        "removed": gone - moved,
        "unchanged": unchanged,
    }


def one(db: sqlite3.Connection, query: str) -> int:
    """Return the number that a query finds."""
    return int(db.execute(query).fetchone()[0])
