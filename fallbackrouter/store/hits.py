"""How often each rule decided lately, for tables of rules: by plain sqlite3 and bounded, however large the journal."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.opened import opened

MAX_COUNTED = 200_000
"""The most decisions that are gone through, newest first."""

_QUERY = """SELECT source, rule, count(*) FROM (
        SELECT source, rule, test FROM decisions INDEXED BY decisions_by_time
        WHERE at >= ? ORDER BY at DESC LIMIT ?
    ) WHERE test = 0 GROUP BY source, rule"""
_REACHED = "SELECT count(*) FROM (SELECT 1 FROM decisions INDEXED BY decisions_by_time WHERE at >= ? LIMIT ?)"


@dataclass(frozen=True, slots=True)
class Hits:
    """How often rules decided.

    Attributes:
        by_rule: (tier, name) -> how often; rules that never did are left out.
        whole: every decision of the time was counted, not the newest MAX_COUNTED alone.
    """

    by_rule: dict[tuple[str, str], int]
    whole: bool = True


def count_hits(path: Path, since: datetime) -> Hits:
    """Count the decisions of each rule since a moment; our own test questions are left out. Blocking.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    bounds = (to_ms(since), MAX_COUNTED)
    with opened(path) as connection:
        rows = connection.execute(_QUERY, bounds).fetchall()
        (reached,) = connection.execute(_REACHED, bounds).fetchone()
    return Hits({(source, rule): count for source, rule, count in rows if rule}, whole=reached < MAX_COUNTED)
