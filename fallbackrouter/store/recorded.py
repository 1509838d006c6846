"""Calls on record, for commands that decide them anew: by plain sqlite3, many and fast. Blocking."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter.core.tier import LIVE
from fallbackrouter.core.verdict import NAMES, Miss
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.opened import opened

MAX_ROWS = 1_000_000
_AT_ONCE = 2_000
_MISS = NAMES[Miss]
_QUERY = """SELECT id, at, did, caller, stage, source, rule, route, trail
    FROM decisions INDEXED BY decisions_by_time WHERE at >= ? AND test = 0 ORDER BY at DESC LIMIT ?"""


class _Step(msgspec.Struct):
    tier: str
    verdict: str = ""


class _Trail(msgspec.Struct):
    steps: list[_Step]
    next: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """A question on record.

    Attributes:
        at_ms: since 1970, UTC.
        did: as received, and so is `caller`.
        next_route: empty where there is none.
        asked: the tiers of its trail.
        live_missed: the CRM said that it knows no route.
    """

    id: str
    at_ms: int
    did: str
    caller: str
    stage: str
    source: str
    rule: str
    route: dict[str, str]
    next_route: dict[str, str]
    asked: frozenset[str]
    live_missed: bool


def recorded_rows(path: Path, *, last: int, since: datetime | None = None) -> Iterator[RecordedRow]:
    """Yield the newest questions, newest first; our own test questions are left out.

    Args:
        last: at most so many, and never more than MAX_ROWS.
        since: only those of this moment or later; None: all.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    route_of = msgspec.json.Decoder(dict[str, str]).decode
    trail_of = msgspec.json.Decoder(_Trail).decode
    asked: dict[tuple[str, ...], frozenset[str]] = {}
    since_ms = 0 if since is None else to_ms(since)
    with opened(path) as connection:
        rows = connection.execute(_QUERY, (since_ms, min(last, MAX_ROWS)))
        while some := rows.fetchmany(_AT_ONCE):
            for *facts, route, trail in some:
                try:
                    told, fields = trail_of(trail), route_of(route)
                except (msgspec.MsgspecError, RecursionError):
                    continue  # no router wrote this
                tiers = tuple(step.tier for step in told.steps)
                if tiers not in asked:
                    asked[tiers] = frozenset(tiers)
                live_missed = any(step.tier == LIVE and step.verdict == _MISS for step in told.steps)
                row: tuple[Any, ...] = (*facts, fields, told.next or {}, asked[tiers], live_missed)
                yield RecordedRow(*row)
