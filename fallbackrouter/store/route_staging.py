"""Rows on their way into a draft of routes.db: where each is looked up, and what it shares with many others.

They are staged in a file beside the draft, in any order and number, so memory does not grow with them.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from fallbackrouter.core.errors import FeedError
from fallbackrouter.store import route_tables as sql
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.route_row import RouteRow
from fallbackrouter.store.route_shapes import Placed, Shape, key, placed

MAX_SHAPES = 256
"""The most combinations of shapes; each is a text to look up for each call."""

_KNOWN_BODIES = 50_000
_NUMBER = Shape("number")
_SHAPES = msgspec.json.Decoder(list[tuple[Shape, Shape]])
_encode = msgspec.json.Encoder().encode


class Staging:
    """The rows of one draft, and what they have in common; blocking.

    Args:
        db: the draft, with the file of staged rows attached to it.

    Every method raises sqlite3.Error where the disk is in the way.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._bodies: dict[tuple[str, str, str], int] = {}
        self._last_body = 0
        self._pairs: set[tuple[Shape, Shape]] = set()
        self._zones: set[str] = set()
        self._placed = lru_cache(20_000)(placed)

    @property
    def shapes(self) -> int:
        """How many combinations of shapes of did and caller there are."""
        return len(self._pairs)

    def go_on_from(self, facts: Mapping[str, str]) -> None:
        """Take over what the routes that a delta goes on from have in common.

        Args:
            facts: theirs, as `facts` returned them.
        """
        self._pairs = set(_SHAPES.decode(facts["shapes"]))
        self._zones = set(msgspec.json.decode(facts["zones"], type=list[str]))
        bodies = self._db.execute("SELECT result, windows, zone, body FROM bodies LIMIT ?", (_KNOWN_BODIES,))
        self._bodies = {(result, windows, zone): body for result, windows, zone, body in bodies}
        self._last_body = self._db.execute("SELECT coalesce(max(body), 0) FROM bodies").fetchone()[0]

    def facts(self) -> dict[str, str]:
        """Return what a look-up has to know of all rows."""
        return {"zones": _encode(sorted(self._zones)).decode(), "shapes": _encode(sorted(self._pairs)).decode()}

    def put(self, rows: Iterable[RouteRow]) -> None:
        """Take rows; of two with one id the later counts.

        Raises:
            FeedError: a row cannot be looked up, or there are too many kinds of rows.
        """
        self._db.executemany(sql.STAGE, [self._as_staged(row) for row in rows])
        if len(self._pairs) > MAX_SHAPES:
            raise FeedError(
                f"the feed has more than {MAX_SHAPES} combinations of kinds of did and caller; "
                "use fewer different lengths of prefixes"
            )

    def drop(self, ids: Sequence[str]) -> None:
        """Take ids that are gone; of a row and such a word for one id the later counts."""
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
