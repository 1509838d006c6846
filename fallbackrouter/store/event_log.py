"""Reads events in the order in which they were stored, a step at a time, for who follows them.

Plain and blocking: callers run it in a thread of theirs. The place is SQLite's own row number, so a step costs what
its rows cost, however many events there are.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.store.moments import from_ms
from fallbackrouter.store.opened import opened


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What of an event tells that a call began or ended.

    Attributes:
        at: UTC, when it was reported.
        test: of a call of our own, which no exchange knows.
    """

    at: datetime
    stage: str
    call_id: str
    linked_id: str
    did: str
    caller: str
    decision_id: str
    test: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Some events.

    Attributes:
        place: what the next step goes on from.
        whole: there are no more now.
    """

    events: tuple[StoredEvent, ...]
    place: int
    whole: bool


def read_step(path: Path, place: int, limit: int) -> Step:
    """Read the events behind a place; 0 is the beginning.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        (newest,) = connection.execute("SELECT max(rowid) FROM events").fetchone()
        behind = place if place <= (newest or 0) else 0  # another journal than before: the old one was set aside
        rows = connection.execute(
            "SELECT rowid, at, stage, call_id, linked_id, did, caller, decision_id, test FROM events "
            "WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (behind, limit),
        ).fetchall()
    return Step(tuple(_stored(row) for row in rows), rows[-1][0] if rows else behind, len(rows) < limit)


def _stored(row: tuple[Any, ...]) -> StoredEvent:
    _, at_ms, stage, call_id, linked_id, did, caller, decision_id, test = row
    return StoredEvent(from_ms(at_ms), stage, call_id, linked_id, did, caller, decision_id, bool(test))
