"""Decisions of lately, counted by short slots of time: what a page shows that is never older than seconds.

Each look is bounded by its time, so it costs what was decided in it, however large the journal. Questions of our own
count in none of this.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.tier import LIVE
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.search import looking

SLOT_MS = 10_000
_BUCKET = """CASE WHEN ms < 10 THEN CAST(ms * 2 AS INTEGER) WHEN ms < 100 THEN 20 + CAST((ms - 10) / 2 AS INTEGER)
    WHEN ms < 1000 THEN 65 + CAST((ms - 100) / 10 AS INTEGER)
    WHEN ms < 5000 THEN 155 + CAST((ms - 1000) / 100 AS INTEGER) ELSE 195 END"""
BUCKETS = 196
_COUNTED = f"""SELECT at / {SLOT_MS}, source, status, {_BUCKET}, count(*) FROM decisions INDEXED BY decisions_by_time
    WHERE at >= ? AND at < ? AND test = 0 GROUP BY 1, 2, 3, 4"""  # noqa: S608 - our own numbers
_CRM = f"""SELECT live_ms FROM decisions INDEXED BY decisions_by_time
    WHERE at >= ? AND test = 0 AND source = '{LIVE}' AND live_ms IS NOT NULL ORDER BY at DESC LIMIT ?"""  # noqa: S608 - the same


@dataclass(frozen=True, slots=True)
class Counted:
    """So many decisions of one slot.

    Attributes:
        slot: its number since 1970, of `SLOT_MS` each.
        bucket: how long they took, see `upper_ms`; None where their answers have not left yet.
    """

    slot: int
    source: str
    status: str
    bucket: int | None
    count: int


def upper_ms(bucket: int) -> float:
    """Return what decisions in a bucket took at most, in ms; of the last one, what they took at least."""
    if bucket < 20:  # noqa: PLR2004 - the steps of _BUCKET
        return (bucket + 1) / 2
    if bucket < 65:  # noqa: PLR2004
        return 12.0 + (bucket - 20) * 2
    if bucket < 155:  # noqa: PLR2004
        return 110.0 + (bucket - 65) * 10
    return min(5000.0, 1100.0 + (bucket - 155) * 100)


def count_lately(path: Path, since: datetime, until: datetime) -> list[Counted]:
    """Count the decisions from one moment until before another. Blocking: some 5 µs for each.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with looking(path) as connection:
        rows = connection.execute(_COUNTED, (to_ms(since), to_ms(until))).fetchall()
    return [Counted(*row) for row in rows]


def crm_times(path: Path, since: datetime, most: int) -> list[float]:
    """Return what the CRM took for the newest calls that it routed since a moment, in ms; raises as `count_lately`."""
    with looking(path) as connection:
        return [row[0] for row in connection.execute(_CRM, (to_ms(since), most))]
