"""Decisions that are looked for: by any filters, page by page, so that no look takes long or much memory.

Blocking: for commands, or in a thread. Each page is a short look of its own: however long its reader takes over it,
the journal's writers are not kept from their log.

Source: docs/journal.md, "A decision's JSON".
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.decisions import Json, as_json
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.opened import require
from fallbackrouter.store.wanted import Condition, Wanted, Way, by_slowness, count_sql, newest_sql, page_sql, ways

PAGE = 2000
COUNTED = 20_000
"""How far what an index leads to is counted; beyond it, one is as good as another."""
LOOKED_THROUGH = 100_000
"""How many decisions are looked through for a page of what is frequent, before all that is wanted is sorted."""
_BUSY_MS = 5000


@contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal for queries; nothing can be written by them.

    Raises:
        StoreError: there is no journal, it cannot be read, or it has not been migrated to this schema.
    """
    require(path)
    try:
        # mode=rw, as a read-only connection cannot make the -shm file that a journal in WAL mode needs.
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            for pragma in (f"busy_timeout = {_BUSY_MS}", "query_only = ON", "temp_store = FILE"):
                connection.execute(f"PRAGMA {pragma}")
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        if "no such index" in str(error):
            raise StoreError(
                f"{path} has not been brought to this version's schema; start or restart the service, which does so"
            ) from None
        raise refusal(path, error) from None


def search(
    path: Path, wanted: Wanted, *, limit: int | None = None, before: tuple[int, str] | None = None
) -> Iterator[Json]:
    """Yield the decisions that are wanted, newest first, as the contract spells them.

    Args:
        limit: the most; None: all.
        before: `at`, in ms since 1970, and id of a decision: only what stands behind it; None: from the newest on.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    left = limit
    with looking(path) as connection:
        way = best_way(connection, wanted)
        while True:
            size = PAGE if left is None else min(PAGE, left)
            rows = _page(connection, way, wanted, before, size)
            yield from map(as_json, rows)
            left = None if left is None else left - len(rows)
            if len(rows) < size or left == 0:
                return
            before = (rows[-1]["at"], rows[-1]["id"])


def _page(
    connection: sqlite3.Connection, way: Way, wanted: Wanted, before: tuple[int, str] | None, size: int
) -> list[Any]:
    if way.crowded:
        rows = _asked(connection, newest_sql(wanted, before, size, LOOKED_THROUGH))
        if len(rows) == size:
            return rows
    return _asked(connection, page_sql(way, wanted, before, size))


def best_way(connection: sqlite3.Connection, wanted: Wanted) -> Way:
    """Return what leads to the fewest decisions.

    Where each leads to very many, slow ones are looked for by the indexes that know who is slow, in the order of time.
    """
    possible = ways(wanted)
    if len(possible) == 1 and possible[0].in_order and wanted.slow_ms is None:
        return possible[0]
    counted = [(_asked(connection, count_sql(way, wanted, COUNTED))[0][0], way) for way in possible]
    count, best = min(counted, key=lambda one: one[0])
    if count < COUNTED:
        return best
    return replace(best, crowded=not best.in_order) if wanted.slow_ms is None else by_slowness(wanted.slow_ms)


def _asked(connection: sqlite3.Connection, query: Condition) -> list[Any]:
    return connection.execute(query.sql, query.values).fetchall()
