"""Lays staged rows down in a draft of routes.db, in the order of their keys, and counts what they change.

What bounds a look-up is held here: the number of patterns that have no shape, and of routes under one key.
"""

import sqlite3
from pathlib import Path

from fallbackrouter.core.errors import FeedError
from fallbackrouter.store import route_tables as sql
from fallbackrouter.store.route_compare import compare_with_former, one
from fallbackrouter.store.route_row import Changes

MAX_ROUTES_PER_KEY = 200
"""The most routes with one and the same did and caller; a look-up may have to go through all of them."""

_SPARE_BODIES = 20_000
_BODIES_AT_FULL = "SELECT coalesce((SELECT value FROM facts WHERE name = 'bodies'), 0)"


def lay_all(db: sqlite3.Connection, former: Path, shapes: int) -> Changes:
    """Lay down rows that are all there are; raises sqlite3.Error.

    Args:
        former: the file that serves, to be compared with.
        shapes: how many combinations of shapes there are.
    """
    _unrepeat(db)
    for statement in (*sql.LAY, sql.UNUSED_BODIES):
        db.execute(statement)
    patterns = one(db, "SELECT count(*) FROM patterns")
    count = patterns + one(db, "SELECT count(*) FROM routes")
    compared = compare_with_former(db, former, count)
    return Changes(**compared, count=count, patterns=patterns, shapes=shapes)


def lay_delta(db: sqlite3.Connection, shapes: int) -> Changes:
    """Lay down rows and the words that ids are gone on the routes that the draft is a copy of; raises sqlite3.Error."""
    _unrepeat(db)
    run = db.execute
    former = one(db, "SELECT value FROM facts WHERE name = 'count'")
    run(sql.TOUCHED)
    touched, both, unchanged = (
        one(db, query) for query in ("SELECT count(*) FROM temp.touched", sql.BOTH, sql.UNCHANGED)
    )
    for statement in (*sql.LIFT, *sql.LAY):
        run(statement)
    if one(db, "SELECT count(*) FROM bodies") > _SPARE_BODIES + one(db, _BODIES_AT_FULL) * 2:
        run(sql.UNUSED_BODIES)
    staged = one(db, sql.LAID)
    return Changes(
        former=former,
        count=former - touched + staged,
        added=staged - both,
        changed=both - unchanged,
        removed=touched - both,
        unchanged=former - touched + unchanged,
        patterns=one(db, "SELECT count(*) FROM patterns"),
        shapes=shapes,
    )


def refuse_crowds(db: sqlite3.Connection, changes: Changes, max_patterns: int) -> None:
    """Refuse what would make look-ups slow.

    Raises:
        FeedError: there are too many rows of a kind.
        sqlite3.Error: the disk is in the way.
    """
    if changes.patterns > max_patterns:
        raise FeedError(
            f"{changes.patterns} routes have patterns other than a prefix, at most {max_patterns} may "
            "(sync.max_patterns); write prefixes such as _7499. or _7499XXXXXXX where they will do"
        )
    crowded = db.execute(sql.CROWDED, (MAX_ROUTES_PER_KEY,)).fetchone()
    if crowded is not None:
        raise FeedError(
            f"more than {MAX_ROUTES_PER_KEY} routes have the did and the caller of row {crowded[0]}; "
            "tell them apart by did or caller"
        )


def _unrepeat(db: sqlite3.Connection) -> None:
    """Of several rows of one id, leave the last."""
    if one(db, sql.REPEATED):
        db.execute(sql.UNREPEAT)
