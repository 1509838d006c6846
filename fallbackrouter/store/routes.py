"""The route table that the CRM fed us, as a call worker holds it: a copy of routes.db in memory.

Its rules:

- loading happens in a thread and reads the file bit by bit; a look-up is one indexed query in memory, and neither reads
  a disk nor waits; a new generation is a new copy, swapped in between two calls;
- which route wins is core.rulebook's order: priority, the more specific did, the more specific caller; then the id;
- every route passes the gate when it is used, as the configuration may have become stricter since it was fed: the
  winner that may not reach a dialplan is Refused, and no other route takes its place.

Source: docs/journal.md, "routes.db".
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, tzinfo
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from fallbackrouter.core.call import Call
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.order import Rank
from fallbackrouter.core.route import Gate, Refused, Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.route_found import Found, Hours, as_rule
from fallbackrouter.store.route_shapes import Keys, Shape
from fallbackrouter.store.route_tables import SCHEMA

LoadZone = Callable[[str], tzinfo | None]
"""A time zone's name -> the zone, the machine's for ""; None where there is none of that name."""

_PAGES = 500
_PAUSE_S = 0.001
_AT_ONCE = 128
_NO_KEY = "\t\t"
"""Fills a query up to a size that is prepared already; no route has this key."""
_FOUND = """SELECT key, rank, id, stage, result, windows, zone, valid_from, valid_until
    FROM {} AS r CROSS JOIN bodies USING (body)"""
_PATTERNS = _FOUND.format("patterns") + " ORDER BY id"


class RoutesCopy:
    """One generation of routes, in memory; made by `load`.

    Attributes:
        count: how many routes it holds.
        synced_at: UTC, when they were fed, or the CRM last said that they hold; None where they never were.
        generation: tells these routes from all others.
        cursor: what the feed wants to be asked with next time.
    """

    def __init__(self, memory: sqlite3.Connection, facts: dict[str, str], gate: Gate, zones: "_Zones") -> None:
        self._memory = memory
        self.count = int(facts.get("count", "0"))
        self.synced_at = from_ms(int(facts["synced_at"])) if facts else None
        self.cursor = facts.get("cursor", "")
        self.generation = facts.get("generation", "")
        self._keys = Keys(_SHAPES.decode(facts.get("shapes", "[]")))
        # The caches hold no reference to the copy: it is large, and has to be freed without the collector's help.
        self._admit = lru_cache(maxsize=4096)(partial(_admitted, gate))
        self._hours = lru_cache(maxsize=4096)(partial(_read_hours, zones))
        self._patterns = {row.id: row for row in self._all(_PATTERNS, ())} if facts else {}
        self._book = Rulebook(map(self._tried, self._patterns.values()))

    @classmethod
    def load(cls, path: Path, *, gate: Gate, load_zone: LoadZone, default_zone: str = "") -> "RoutesCopy":
        """Copy routes.db into memory. Blocking, so for a thread; 10^6 routes take a fraction of a second.

        Args:
            path: where it is missing, the copy is empty.
            default_zone: the time zone of routes that name none; "": the machine's.

        Raises:
            StoreError: the file is damaged or of another schema.
        """
        memory = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        try:
            facts = _copy(path, memory) if path.exists() else {}
            names = msgspec.json.decode(facts.get("zones", "[]"), type=list[str])
            return cls(memory, facts, gate, {name: load_zone(name or default_zone) for name in names})
        except sqlite3.Error as error:
            memory.close()
            raise refusal(path, error) from None
        except (KeyError, ValueError) as error:
            memory.close()
            raise StoreError(f"{path} cannot be read ({error}); run `fallbackrouter sync` to make it anew") from None
        except StoreError:
            memory.close()
            raise

    def close(self) -> None:
        """Free the memory; no look-up may follow."""
        self._memory.close()

    def first(self, call: Call, at: datetime) -> Rule | Refused | None:
        """Return the route that wins for a call at a moment (UTC, aware).

        Returns:
            None where no route is for this call; Refused where the one that wins may not reach a dialplan.

        Raises:
            StoreError: the copy is of a damaged file.
        """
        at_ms = to_ms(at)
        winner = None
        for row in self._ordered(call):
            if self._in_force(row, at, at_ms):
                winner = row
                break
        tried = self._book.first(call, at) if self._patterns else None
        if tried is not None:
            row = self._patterns[tried.name]
            winner = row if winner is None or row.order < winner.order else winner
        return None if winner is None else self._rule(winner)

    def candidates(self, did: Number, caller: Number, stage: str) -> list[Rule]:
        """Return the routes for these numbers whatever the hour, the winner first; refused ones are left out."""
        call = Call(did, caller, stage=stage)
        tried = [self._patterns[ranked.rule.name] for ranked in self._book.ranked(call, from_ms(0))]
        rows = sorted([*self._ordered(call), *tried], key=_order)
        return [rule for rule in map(self._rule, rows) if isinstance(rule, Rule)]

    def _ordered(self, call: Call) -> list[Found]:
        """Return the rows that numbers lead to, for a call's did, caller and stage, the winner first."""
        wanted = self._keys.of(call.did, call.caller)
        rows = self._looked_up(wanted[:_AT_ONCE], call.stage) if wanted else []
        for start in range(_AT_ONCE, len(wanted), _AT_ONCE):
            rows += self._looked_up(wanted[start : start + _AT_ONCE], call.stage)
        if len(rows) > 1:
            rows.sort(key=_order)
        return rows

    def _looked_up(self, wanted: list[str], stage: str) -> list[Found]:
        size = 1 << (len(wanted) - 1).bit_length()
        return self._all(_query(size), (*wanted, *[_NO_KEY] * (size - len(wanted)), stage))

    def _all(self, sql: str, values: Sequence[str]) -> list[Found]:
        try:
            return list(map(Found._make, self._memory.execute(sql, values)))
        except sqlite3.Error as error:
            raise StoreError(f"the copy of routes.db cannot be read ({error}); sync anew") from None

    def _in_force(self, row: Found, at: datetime, at_ms: int) -> bool:
        if row.valid_from is not None and at_ms < row.valid_from:
            return False
        if row.valid_until is not None and at_ms >= row.valid_until:
            return False
        return self._hours(row.windows, row.zone).hold(at)

    def _rule(self, row: Found) -> Rule | Refused:
        hours = self._hours(row.windows, row.zone)
        if hours.problem:
            return Refused(f"route {row.id}: {hours.problem}", "when")
        admitted = self._admit(row.result)
        if isinstance(admitted, Refused):
            return Refused(f"route {row.id}: {admitted.reason}", admitted.field)
        return as_rule(row, admitted, hours)

    def _tried(self, row: Found) -> Rule:
        """Return a row with a pattern as core.rulebook tries it; its route is looked at once it wins."""
        return as_rule(row, _NOWHERE, self._hours(row.windows, row.zone))


_Zones = dict[str, tzinfo | None]
_NOWHERE = Route(())
_SHAPES = msgspec.json.Decoder(list[tuple[Shape, Shape]])


def _copy(path: Path, memory: sqlite3.Connection) -> dict[str, str]:
    """Copy a file into memory and return its facts."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as source:
        schema = source.execute("PRAGMA user_version").fetchone()[0]
        if schema != SCHEMA:
            raise StoreError(
                f"{path} is of another version of fallbackrouter; run `fallbackrouter sync` to make it anew"
            )
        source.backup(memory, pages=_PAGES, sleep=_PAUSE_S)
    memory.execute("PRAGMA query_only = ON")
    return dict(memory.execute("SELECT name, value FROM facts").fetchall())


def _order(row: Found) -> tuple[int, Rank, Rank, str]:
    return row.order


@lru_cache(maxsize=16)
def _query(count: int) -> str:
    """Return the SQL that looks up so many keys; of `IN` lists SQLite would make a table for each call."""
    one = f"{_FOUND.format('routes')} WHERE key = ?{{}} AND (stage = '' OR stage = ?{count + 1})"
    return " UNION ALL ".join([one.format(place) for place in range(1, count + 1)])


def _read_hours(zones: _Zones, windows: str, zone: str) -> Hours:
    if not windows:
        return Hours()
    if zones.get(zone) is None:
        return Hours(problem=f"there is no time zone {zone!r} on this machine")
    try:
        read = tuple(parse_window(text) for text in msgspec.json.decode(windows, type=list[str]))
    except ValueError as error:
        return Hours(problem=str(error))
    return Hours(read, zones[zone])


def _admitted(gate: Gate, result: str) -> Route | Refused:
    admitted = gate.check(msgspec.json.decode(result, type=dict[str, str]))
    return admitted if isinstance(admitted, Refused) else admitted.route
