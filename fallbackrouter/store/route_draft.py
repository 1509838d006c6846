"""A new generation of routes on its way: a file of its own, visible all at once when it is whole, or never.

Rows come in any order and any number, a full feed's or a delta's; they are staged in a file beside the draft and laid
down in the order of their keys at the end, so memory does not grow with them. What bounds a look-up is held here: the
number of shapes, of patterns that have none, and of routes under one key.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from fallbackrouter.core.errors import FeedError, StoreError
from fallbackrouter.store import route_tables as sql
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.route_row import Changes, RouteRow
from fallbackrouter.store.route_shapes import Placed, Shape, key, placed

MAX_PATTERNS = 10_000
"""The most routes whose pattern has no shape to be looked up by, where nobody says otherwise."""
MAX_SHAPES = 256
"""The most combinations of shapes; each is a text to look up for each call."""
MAX_ROUTES_PER_KEY = 200
"""The most routes with one and the same did and caller; a look-up may have to go through all of them."""

_KNOWN_BODIES = 50_000
_SPARE_BODIES = 20_000
_NUMBER = Shape("number")
_SHAPES = msgspec.json.Decoder(list[tuple[Shape, Shape]])
_encode = msgspec.json.Encoder().encode


class RouteDraft:
    """The next routes.db, until it is published or discarded; blocking, used by one thread."""

    def __init__(self, path: Path, *, delta: bool, max_patterns: int = MAX_PATTERNS) -> None:
        self._path = path
        self._delta = delta
        self._max_patterns = max_patterns
        self._new, self._staged = path.with_suffix(".new"), path.with_suffix(".staged")
        self._bodies: dict[tuple[str, str, str], int] = {}
        self._last_body = 0
        self._pairs: set[tuple[Shape, Shape]] = set()
        self._zones: set[str] = set()
        self._placed = lru_cache(20_000)(placed)
        with self._told():
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
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
            if self._delta:
                self._take_former(connection)
            connection.execute("BEGIN")
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_former(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA main.user_version").fetchone()[0] != sql.SCHEMA:
            raise StoreError(f"{self._path} is of another version of fallbackrouter; run `fallbackrouter sync --full`")
        facts = dict(connection.execute("SELECT name, value FROM facts"))
        self._pairs = set(_SHAPES.decode(facts["shapes"]))
        self._zones = set(msgspec.json.decode(facts["zones"], type=list[str]))
        bodies = connection.execute("SELECT result, windows, zone, body FROM bodies LIMIT ?", (_KNOWN_BODIES,))
        self._bodies = {(result, windows, zone): body for result, windows, zone, body in bodies}
        self._last_body = connection.execute("SELECT coalesce(max(body), 0) FROM bodies").fetchone()[0]

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
            self._db.executemany(sql.STAGE, [self._as_staged(row) for row in rows])
        if len(self._pairs) > MAX_SHAPES:
            raise FeedError(
                f"the feed has more than {MAX_SHAPES} combinations of kinds of did and caller; "
                "use fewer different lengths of prefixes"
            )

    def drop(self, ids: Sequence[str]) -> None:
        """Take ids that are gone; of a row and such a word for one id the later counts.

        Raises:
            StoreError: the disk is in the way.
        """
        with self._told():
            self._db.executemany(sql.DROP, [(one,) for one in ids])

    def _as_staged(self, row: RouteRow) -> tuple[object, ...]:
        did, caller = self._place(row, row.did), self._place(row, row.caller)
        kind = sql.TRIED
        if did.shape is not None and caller.shape is not None:
            kind = sql.LOOKED_UP
            self._pairs.add((did.shape, caller.shape))
        body = (row.result, row.windows, row.timezone if row.windows else "")
        return (
            key(did.text, caller.text),
            -row.priority,
            row.id,
            row.stage,
            self._bodies.get(body) or self._new_body(body),
            None if row.valid_from is None else to_ms(row.valid_from),
            None if row.valid_until is None else to_ms(row.valid_until),
            kind,
        )

    def _place(self, row: RouteRow, named: str) -> Placed:
        if named.isdecimal():
            return Placed(f"={named}", _NUMBER)
        try:
            return self._placed(named)
        except ValueError as error:
            raise FeedError(f"row {row.id}: {error}") from None

    def _new_body(self, body: tuple[str, str, str]) -> int:
        """Return the number of what many routes have in common, written once."""
        if len(self._bodies) >= _KNOWN_BODIES:
            self._bodies.clear()
        self._last_body += 1
        self._bodies[body] = self._last_body
        self._zones.add(body[2])
        self._db.execute("INSERT INTO bodies VALUES (?, ?, ?, ?)", (self._last_body, *body))
        return self._last_body

    def lay(self) -> Changes:
        """Lay down all rows that were taken, and return what the generation will change; nothing is visible yet.

        Raises:
            FeedError: there are too many rows of a kind.
            StoreError: the disk is in the way, or the former file is damaged.
        """
        with self._told():
            if self._one(sql.REPEATED):
                self._db.execute(sql.UNREPEAT)
            changes = self._lay_delta() if self._delta else self._lay_all()
            self._refuse_crowds(changes)
        return changes

    def _lay_all(self) -> Changes:
        for statement in (*sql.LAY, sql.UNUSED_BODIES):
            self._db.execute(statement)
        patterns = int(self._one("SELECT count(*) FROM patterns"))
        count = patterns + int(self._one("SELECT count(*) FROM routes"))
        compared = self._compare_with_former(count)
        return Changes(**compared, count=count, patterns=patterns, shapes=len(self._pairs))

    def _compare_with_former(self, count: int) -> dict[str, int]:
        former = self._attach_former()
        if not former:
            return {"former": 0, "added": count, "changed": 0, "removed": 0, "unchanged": 0}
        run = self._db.execute
        run(sql.SAME_BODIES)
        run(sql.SAME_INDEX)
        matched = unchanged = 0
        for table, by in (("routes", "key, rank, id"), ("patterns", "key, rank, id")):
            pair = run(sql.MATCHED.format(table, by)).fetchone()
            matched, unchanged = matched + pair[0], unchanged + (pair[1] or 0)
        run(sql.UNMATCHED.format("former", "main", "gone"))
        run(sql.UNMATCHED.format("main", "former", "come"))
        moved, gone = self._one(sql.MOVED), self._one("SELECT count(*) FROM temp.gone")
        return {
            "former": former,
            "added": count - matched - moved,
            "changed": matched - unchanged + moved,
            "removed": gone - moved,
            "unchanged": unchanged,
        }

    def _attach_former(self) -> int:
        """Return how many routes the former file holds, 0 where there is none that could be compared with."""
        if not self._path.exists():
            return 0
        try:
            self._db.execute("ATTACH ? AS former", (f"{_uri(self._path)}?mode=ro&immutable=1",))
            if self._one("PRAGMA former.user_version") != sql.SCHEMA:
                return 0
            return int(self._one("SELECT value FROM former.facts WHERE name = 'count'"))
        except sqlite3.DatabaseError:
            return 0  # a cache that cannot be read is replaced like one that is not there

    def _lay_delta(self) -> Changes:
        run = self._db.execute
        former = int(self._one("SELECT value FROM facts WHERE name = 'count'"))
        run(sql.TOUCHED)
        touched, both, unchanged = (
            int(self._one(query)) for query in ("SELECT count(*) FROM temp.touched", sql.BOTH, sql.UNCHANGED)
        )
        for statement in (*sql.LIFT, *sql.LAY):
            run(statement)
        if self._one("SELECT count(*) FROM bodies") > _SPARE_BODIES + int(self._one(_BODIES_AT_FULL)) * 2:
            run(sql.UNUSED_BODIES)
        staged = int(self._one(sql.LAID))
        count = former - touched + staged
        return Changes(
            former=former,
            count=count,
            added=staged - both,
            changed=both - unchanged,
            removed=touched - both,
            unchanged=former - touched + unchanged,
            patterns=int(self._one("SELECT count(*) FROM patterns")),
            shapes=len(self._pairs),
        )

    def _refuse_crowds(self, changes: Changes) -> None:
        if changes.patterns > self._max_patterns:
            raise FeedError(
                f"{changes.patterns} routes have patterns other than a prefix, at most {self._max_patterns} may "
                "(sync.max_patterns); write prefixes such as _7499. or _7499XXXXXXX where they will do"
            )
        crowded = self._db.execute(sql.CROWDED, (MAX_ROUTES_PER_KEY,)).fetchone()
        if crowded is not None:
            raise FeedError(
                f"more than {MAX_ROUTES_PER_KEY} routes have the did and the caller of row {crowded[0]}; "
                "tell them apart by did or caller"
            )

    def publish(self, changes: Changes, *, synced_at: datetime, facts: Mapping[str, str]) -> None:
        """Put the draft in the place of the former file, whole and safe on disk.

        Args:
            changes: as `lay` returned them.
            facts: further facts to keep with the routes (cursor, etag, …).

        Raises:
            StoreError: the disk is in the way; the former file stays.
        """
        known = {
            "synced_at": str(to_ms(synced_at)),
            "count": str(changes.count),
            "zones": _encode(sorted(self._zones)).decode(),
            "shapes": _encode(sorted(self._pairs)).decode(),
        }
        with self._told():
            if not self._delta:
                known["bodies"] = str(self._one("SELECT count(*) FROM bodies"))
            self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", {**facts, **known}.items())
            self._db.execute("COMMIT")
            self._db.close()
            _put_in_place(self._new, self._path)
        _remove(self._staged)

    def discard(self) -> None:
        """Leave nothing of the draft behind; after `publish` this does nothing."""
        self._db.close()
        _remove(self._new, self._staged)

    def _one(self, query: str) -> int:
        value: int = self._db.execute(query).fetchone()[0]
        return value

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise refusal(self._path, error) from None


_BODIES_AT_FULL = "SELECT coalesce((SELECT value FROM facts WHERE name = 'bodies'), 0)"


def _uri(path: Path) -> str:
    return path.absolute().as_uri()


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
