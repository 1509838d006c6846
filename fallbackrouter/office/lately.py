"""What was decided lately, kept by slots of time: counts and shares of any span up to a day, and times by the minute.

Its rules:

- pure: what was counted comes in, figures come out; a slot that is counted again replaces what was there;
- bounded: a day of slots, and for each minute how many took how long.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fallbackrouter.store.lately import SLOT_MS, Counted, upper_ms

DAY_MS = 86_400_000
MINUTE_MS = 60_000
PERCENTS = (50, 95, 99)
_PER_MINUTE = MINUTE_MS // SLOT_MS


@dataclass(frozen=True, slots=True)
class Span:
    """What the decisions of a span of time add up to.

    Attributes:
        count: how many.
        tiers: how many by the tier that answered.
        degraded: for how many the live CRM was wanted and gave no answer.
        ms: what 50, 95 and 99 % took at most; empty where none is known.
    """

    count: int
    tiers: Mapping[str, int]
    degraded: int
    ms: Mapping[int, float]

    def share(self, tier: str) -> float:
        """Return a tier's share, 0 to 1; 0 where there were no calls."""
        return self.tiers.get(tier, 0) / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """How long answers took in a stretch of time; None where there were none.

    Attributes:
        at_s: when it began, seconds since 1970.
    """

    at_s: int
    count: int
    ms: tuple[float | None, ...]


class Lately:
    """Keeps what was counted of the last day."""

    def __init__(self) -> None:
        self._slots: dict[int, Counter[tuple[str, str]]] = {}
        self._times: dict[int, Counter[int]] = {}

    def take(self, first: int, last: int, counted: Iterable[Counted]) -> None:
        """Take what was counted of the slots from `first` to before `last`, in place of what was known of them.

        Both are the first slot of a minute.
        """
        for slot in range(first, last):
            self._slots.pop(slot, None)
            self._times.pop(slot // _PER_MINUTE, None)
        for one in counted:
            self._slots.setdefault(one.slot, Counter())[one.source, one.status] += one.count
            if one.bucket is not None:
                self._times.setdefault(one.slot // _PER_MINUTE, Counter())[one.bucket] += one.count

    def clear(self) -> None:
        """Forget all."""
        self._slots.clear()
        self._times.clear()

    def forget(self, before_ms: int) -> None:
        """Forget what is older than a moment, since 1970."""
        for slot in [slot for slot in self._slots if (slot + 1) * SLOT_MS <= before_ms]:
            del self._slots[slot]
        for minute in [minute for minute in self._times if (minute + 1) * MINUTE_MS <= before_ms]:
            del self._times[minute]

    def span(self, since_ms: int) -> Span:
        """Return what was decided since a moment, as exactly as slots are; times, as minutes are."""
        tiers: Counter[str] = Counter()
        degraded = 0
        for slot, counts in self._slots.items():
            if slot >= since_ms // SLOT_MS:
                for (source, status), count in counts.items():
                    tiers[source] += count
                    degraded += count if status == "degraded" else 0
        took: Counter[int] = Counter()
        for minute, times in self._times.items():
            if minute >= since_ms // MINUTE_MS:
                took.update(times)
        return Span(tiers.total(), tiers, degraded, _percentiles(took))

    def points(self, since_ms: int, now_ms: int, step_ms: int) -> list[Point]:
        """Return how long answers took, stretch by stretch; a step is whole minutes."""
        per = step_ms // MINUTE_MS
        stretches: dict[int, Counter[int]] = {}
        for minute, times in self._times.items():
            stretches.setdefault(minute // per, Counter()).update(times)
        return [
            _point(number * step_ms // 1000, stretches.get(number, Counter()))
            for number in range(since_ms // step_ms, now_ms // step_ms + 1)
        ]


def _point(at_s: int, times: Counter[int]) -> Point:
    known = _percentiles(times)
    return Point(at_s, times.total(), tuple(known.get(percent) for percent in PERCENTS))


def _percentiles(times: Counter[int]) -> dict[int, float]:
    """Return the least values that so many percent do not exceed, as exactly as buckets are; none of nothing."""
    total, seen, found = times.total(), 0, dict[int, float]()
    for bucket in sorted(times):
        seen += times[bucket]
        for percent in PERCENTS:
            if percent not in found and seen * 100 >= total * percent:
                found[percent] = upper_ms(bucket)
    return found
