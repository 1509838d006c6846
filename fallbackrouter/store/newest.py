"""The decisions recorded last, in the order of recording, for whoever watches them come. Blocking, and bounded.

Its rules: a decision whose answer has not left yet is held back for a moment, with all behind it, so that its time is
known when it is told; where more came than fit, the oldest are left out and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fallbackrouter.store.decisions import Json, as_json
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.search import looking

HELD_BACK = timedelta(seconds=3)
_LAST = "SELECT max(rowid) FROM decisions"
_NEWER = "SELECT rowid AS place, * FROM decisions WHERE rowid > ? ORDER BY rowid DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Newest:
    """What was recorded behind a place.

    Attributes:
        rows: with their places, in the order of recording.
        place: of the last of them.
        left_out: how many older ones are not among them.
    """

    rows: Sequence[tuple[int, Json]]
    place: int
    left_out: int


def last_place(path: Path) -> int:
    """Return the place of what was recorded last, 0 where there is nothing; raises as `newest_behind` does."""
    with looking(path) as connection:
        return int(connection.execute(_LAST).fetchone()[0] or 0)


def newest_behind(path: Path, place: int, most: int, now: datetime) -> Newest:
    """Return what was recorded behind a place.

    Args:
        place: where the former look ended; what is behind the end counts as the end, as the journal is another then.
        most: of rows.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with looking(path) as connection:
        last = int(connection.execute(_LAST).fetchone()[0] or 0)
        if last < place:
            return Newest((), last, 0)
        rows = list(reversed(connection.execute(_NEWER, (place, most)).fetchall()))
    since_ms = to_ms(now - HELD_BACK)
    ready = next((number for number, row in enumerate(rows) if row["ms"] is None and row["at"] > since_ms), len(rows))
    told = [(row["place"], as_json(row)) for row in rows[:ready]]
    left_out = rows[0]["place"] - place - 1 if len(rows) == most else 0
    return Newest(told, told[-1][0] if told else place, left_out if told else 0)
