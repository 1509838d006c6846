"""A new generation of routes on its way: a file of its own, visible all at once when it is whole, or never.

Rows come in any order and any number, a full feed's or a delta's; they are staged in a file beside the draft
(`route_staging`) and laid down in the order of their keys at the end (`route_laying`).
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store import route_tables as sql
from fallbackrouter.store.faults import DamagedError, refusal
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.route_compare import is_whole, one
from fallbackrouter.store.route_laying import lay_all, lay_delta, refuse_crowds
from fallbackrouter.store.route_row import Changes, RouteRow
from fallbackrouter.store.route_staging import Staging

MAX_PATTERNS = 10_000
"""The most routes whose pattern has no shape to be looked up by, where nobody says otherwise."""


class RouteDraft:
    """The next routes.db, until it is published or discarded; blocking, used by one thread.

    Args:
        path: routes.db; what serves is compared with, and a delta goes on from it.

    Raises:
        DamagedError: a delta cannot go on from the file that is there; ask for all routes.
        StoreError: the disk is in the way.
    """

    def __init__(self, path: Path, *, delta: bool, max_patterns: int = MAX_PATTERNS) -> None:
        self._path = path
        self._delta = delta
        self._max_patterns = max_patterns
        self._new, self._staged = path.with_suffix(".new"), path.with_suffix(".staged")
        with self._told():
            self._db, self._rows = self._open()

    def _open(self) -> tuple[sqlite3.Connection, Staging]:
        _remove(self._new, self._staged)
        if self._delta:
            shutil.copyfile(self._path, self._new)
        connection = sqlite3.connect(
            f"{self._new.absolute().as_uri()}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("ATTACH ? AS staged", (str(self._staged),))
            for pragma in sql.PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            for statement in (sql.STAGED, *(() if self._delta else sql.TABLES)):
                connection.execute(statement)
            rows = Staging(connection)
            if self._delta:
                rows.go_on_from(self._former_facts(connection))
            connection.execute("BEGIN")
        except BaseException:
            connection.close()
            raise
        return connection, rows

    def _former_facts(self, connection: sqlite3.Connection) -> dict[str, str]:
        if one(connection, "PRAGMA main.user_version") != sql.SCHEMA:
            raise StoreError(f"{self._path} is of another version of fallbackrouter; run `fallbackrouter sync --full`")
        if not is_whole(connection):  # it would be handed on from delta to delta
            raise DamagedError(
                f"{self._path} does not hold as many routes as it says; run `fallbackrouter sync --full`"
            )
        return dict(connection.execute("SELECT name, value FROM facts"))

    def become_full(self) -> None:
        """Take the rows given as all there are: what was asked for as a delta came as a full feed.

        Raises:
            StoreError: the disk is in the way.
        """
        if not self._delta:
            return
        self._delta = False
        with self._told():
            for table in ("routes", "patterns"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our names

    def put(self, rows: Iterable[RouteRow]) -> None:
        """Take rows; of two with one id the later counts.

        Raises:
            FeedError: a row cannot be looked up, or there are too many kinds of rows.
            StoreError: the disk is in the way.
        """
        with self._told():
            self._rows.put(rows)

    def drop(self, ids: Sequence[str]) -> None:
        """Take ids that are gone; of a row and such a word for one id the later counts.

        Raises:
            StoreError: the disk is in the way.
        """
        with self._told():
            self._rows.drop(ids)

    def lay(self) -> Changes:
        """Lay down all rows that were taken, and return what the generation will change; nothing is visible yet.

        Raises:
            FeedError: there are too many rows of a kind.
            DamagedError: a delta cannot go on from the former file.
            StoreError: the disk is in the way.
        """
        shapes = self._rows.shapes
        with self._told():
            changes = lay_delta(self._db, shapes) if self._delta else lay_all(self._db, self._path, shapes)
            refuse_crowds(self._db, changes, self._max_patterns)
        return changes

    def publish(self, changes: Changes, *, synced_at: datetime, facts: Mapping[str, str]) -> None:
        """Put the draft in the place of the former file, whole and safe on disk.

        Args:
            changes: as `lay` returned them.
            facts: further facts to keep with the routes (cursor, etag, …).

        Raises:
            StoreError: the disk is in the way; the former file stays.
        """
        known = {"synced_at": str(to_ms(synced_at)), "count": str(changes.count), **self._rows.facts()}
        with self._told():
            if not self._delta:
                known["bodies"] = str(one(self._db, "SELECT count(*) FROM bodies"))
            self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", {**facts, **known}.items())
            self._db.execute("COMMIT")
            self._db.close()
            _put_in_place(self._new, self._path)
        _remove(self._staged)

    def discard(self) -> None:
        """Leave nothing of the draft behind; after `publish` this does nothing."""
        self._db.close()
        _remove(self._new, self._staged)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise refusal(self._path, error) from None


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
