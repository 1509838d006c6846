"""The daily line: what the calls of a day came to, in one sentence."""

from datetime import datetime, tzinfo
from pathlib import Path

from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.statistics import Statistics, statistics
from fallbackrouter.store.wanted import Wanted


def summary(journal: Path, since: datetime, until: datetime, zone: tzinfo) -> str:
    """Return the line for the decisions between two moments. Blocking.

    Raises:
        StoreError: the journal cannot be read.
    """
    return in_words(statistics(journal, Wanted(since_ms=to_ms(since), until_ms=to_ms(until)), zone))


def in_words(found: Statistics) -> str:
    """Say what decisions add up to."""
    if not found.all.count:
        return "no calls in the last day"
    tiers = ", ".join(f"{share.count:,} by {tier}" for tier, share in found.tiers.items())
    slowest = found.all.ms[99]
    took = f"; 99 % were answered within {slowest:.0f} ms" if slowest is not None else ""
    degraded = f"; {found.degraded:,} degraded" if found.degraded else ""
    return f"{found.all.count:,} calls in the last day: {tiers}{degraded}{took}"
