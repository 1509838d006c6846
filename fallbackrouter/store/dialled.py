"""What was dialled of late, number by number: by the index of dids, and bounded, however large the journal."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.search import looking

MAX_QUESTIONS = 1_000
"""So many of a number's newest questions are read."""
_BUSY_MS = 1_000
_STEPS = 10_000
"""SQLite's steps between two looks at the time: about a millisecond."""
_NEXT = """SELECT did_key, did FROM decisions INDEXED BY decisions_by_did
    WHERE did_key > ? ORDER BY did_key, at LIMIT 1"""
_ASKED = """SELECT id, at, call_id, linked_id, caller, stage, test FROM decisions INDEXED BY decisions_by_did
    WHERE did_key = ? AND at >= ? ORDER BY did_key DESC, at DESC LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that a call asked.

    Attributes:
        call: tells its call from all others.
        caller: as received, or as it is hidden by now.
    """

    call: str
    at: datetime
    caller: str
    stage: str


@dataclass(frozen=True, slots=True)
class Dialled:
    """A number, as it was dialled, and its newest questions, newest first; our own test questions are left out."""

    did: str
    asked: tuple[Asked, ...]


def dialled(path: Path, since: datetime, *, late: Callable[[], bool], skip: Callable[[str], bool]) -> Iterator[Dialled]:
    """Yield the numbers that were dialled since a moment. Blocking.

    Args:
        late: the time for it is over; what has not been read by then is left out.
        skip: the questions of this number are of no interest.

    Raises:
        StoreError: there is no journal, or it cannot be read now, or is of another schema.
    """
    with looking(path) as connection:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.set_progress_handler(late, _STEPS)
        try:
            yield from _numbers(connection, to_ms(since), late, skip)
        except sqlite3.OperationalError:
            if not late():
                raise


def _numbers(
    connection: sqlite3.Connection, since_ms: int, late: Callable[[], bool], skip: Callable[[str], bool]
) -> Iterator[Dialled]:
    key = ""
    while not late():
        row = connection.execute(_NEXT, (key,)).fetchone()
        if row is None:
            return
        key, did = row
        if skip(did):
            continue
        rows = connection.execute(_ASKED, (key, since_ms, MAX_QUESTIONS)).fetchall()
        asked = tuple(_asked(row) for row in rows if not row["test"])
        if asked:
            yield Dialled(did, asked)


def _asked(row: sqlite3.Row) -> Asked:
    call = row["linked_id"] or row["call_id"] or row["id"]
    return Asked(call, from_ms(row["at"]), row["caller"], row["stage"])
