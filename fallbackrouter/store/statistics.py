"""What decisions add up to: how many by tier and by hour, how long they took, how many were answered locally.

Questions of our own count in none of this. Times are told to a tenth of a millisecond.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from fallbackrouter.core.tier import DEFAULT_ORDER, LIVE
from fallbackrouter.store.moments import from_ms
from fallbackrouter.store.search import best_way, looking
from fallbackrouter.store.wanted import Wanted, grouped_sql

PERCENTILES = (50, 95, 99)
_QUARTER_MS = 900_000
"""Every time zone's hours begin at a quarter of an hour of UTC."""
_TENTHS = 10
_BY_TIME_TAKEN = ("source", f"CAST(ms * {_TENTHS} AS INTEGER)")
_BY_MOMENT = ("source", "status", f"at / {_QUARTER_MS}")

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Decisions of one kind.

    Attributes:
        count: how many.
        ms: what 50, 95 and 99 % of them took at most; None where no answer of theirs has left yet.
    """

    count: int
    ms: Mapping[int, float | None]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the decisions of a time add up to.

    Attributes:
        all: every decision.
        tiers: by the tier that answered, in the usual order; tiers that answered none are left out.
        hours: by hour of the day, 0 to 23: how many in all, and how many of them were answered locally.
        degraded: for how many the live CRM was wanted and gave no answer.
    """

    all: Share
    tiers: Mapping[str, Share]
    hours: Mapping[int, tuple[int, int]]
    degraded: int

    @property
    def local(self) -> int:
        """How many were answered by another than the live CRM."""
        return self.all.count - (self.tiers[LIVE].count if LIVE in self.tiers else 0)


def statistics(path: Path, wanted: Wanted, zone: tzinfo) -> Statistics:
    """Add up the decisions that are wanted. Blocking: seconds over millions of them.

    Args:
        zone: whose hours are told.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    real = replace(wanted, tests=False)
    with looking(path) as connection:
        way = best_way(connection, real)
        times, moments = (grouped_sql(way, real, names) for names in (_BY_TIME_TAKEN, _BY_MOMENT))
        taken = connection.execute(times.sql, times.values).fetchall()
        spread = connection.execute(moments.sql, moments.values).fetchall()
    return summed_up(map(tuple, taken), map(tuple, spread), zone)


def summed_up(taken: Iterable[Row], spread: Iterable[Row], zone: tzinfo) -> Statistics:
    """Return what the counts add up to.

    Args:
        taken: (source, tenths of a ms or None, count).
        spread: (source, status, quarters of an hour since 1970, count).
    """
    by_tier: dict[str, Counter[int | None]] = defaultdict(Counter)
    for source, tenths, count in taken:
        by_tier[source][tenths] += count
    hours: dict[int, tuple[int, int]] = dict.fromkeys(range(24), (0, 0))
    degraded = 0
    for source, status, quarter, count in spread:
        hour = _hour(quarter, zone)
        all_, local = hours[hour]
        hours[hour] = (all_ + count, local + (count if source != LIVE else 0))
        degraded += count if status == "degraded" else 0
    every: Counter[int | None] = sum(by_tier.values(), Counter())
    names = [*(name for name in DEFAULT_ORDER if name in by_tier), *sorted(set(by_tier) - set(DEFAULT_ORDER))]
    return Statistics(_share(every), {name: _share(by_tier[name]) for name in names}, hours, degraded)


def _hour(quarter: int, zone: tzinfo) -> int:
    at: datetime = from_ms(quarter * _QUARTER_MS)
    return at.astimezone(zone).hour


def _share(tenths: Counter[int | None]) -> Share:
    known = sorted((value, count) for value, count in tenths.items() if value is not None)
    return Share(tenths.total(), {percent: _percentile(known, percent) for percent in PERCENTILES})


def _percentile(counted: list[tuple[int, int]], percent: int) -> float | None:
    """Return the least value that so many percent of all do not exceed."""
    total = sum(count for _, count in counted)
    seen = 0
    for value, count in counted:
        seen += count
        if seen * 100 >= total * percent:
            return value / _TENTHS
    return None
