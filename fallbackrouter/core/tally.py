"""What is counted of decisions: by tier and status, what tiers said, and how long answers and the CRM took.

Its rules:

- only ever more: no number goes down while its process lives, so tallies of several processes add up;
- bounds of times are fixed, whatever the budget is, so that what was counted before a reload adds up with what comes
  after it; whether an answer was late is counted apart, by the budget that held for it;
- questions of our own (`test`) count in none of this.
"""

from bisect import bisect_left
from collections import Counter
from typing import Any

from fallbackrouter.core.decision import UNRECORDED, Decision
from fallbackrouter.core.verdict import NAMES

BOUNDS_MS = (1, 2, 5, 10, 20, 40, 60, 80, 100, 150, 200, 250, 300, 350, 400, 450, 500, 600, 800, 1000, 2000, 5000)
"""Upper bounds of the buckets of a time, in ms; around the usual budgets, 300 and 400 ms, they stand closest."""


class Times:
    """How long something took, in buckets.

    Attributes:
        counts: by bucket, one more than there are bounds.
        sum_ms: of all of it.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_MS) + 1)
        self.sum_ms = 0.0

    def add(self, ms: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_MS, ms)] += 1
        self.sum_ms += ms

    def told(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"counts": list(self.counts), "sum_ms": round(self.sum_ms, 3)}


class Tally:
    """One process's counts."""

    def __init__(self) -> None:
        self._decisions: Counter[tuple[str, str]] = Counter()
        self._outcomes: Counter[tuple[str, type]] = Counter()
        self._answers = Times()
        self._crm = Times()
        self._late = 0

    def took(self, decision: Decision, *, recorded: bool) -> None:
        """Count a decision; after its answer has left."""
        if decision.call.test:
            return
        self._decisions[decision.source, decision.status if recorded else UNRECORDED] += 1
        outcomes = self._outcomes
        for step in decision.steps:
            outcomes[step.tier, type(step.verdict)] += 1
        live_ms = decision.times.live
        if live_ms is not None:
            self._crm.add(live_ms)

    def left(self, decision: Decision, ms: float, call_ms: float) -> None:
        """Count an answer that has left.

        Args:
            ms: what it took.
            call_ms: what it was meant to take at most.
        """
        if not decision.call.test:
            self._answers.add(ms)
            self._late += ms > call_ms

    def told(self) -> dict[str, Any]:
        """Return everything as plain values: numbers, lists of numbers, and tables of them."""
        return {
            "decisions": {f"{source} {status}": count for (source, status), count in self._decisions.items()},
            "outcomes": {f"{tier} {NAMES[kind]}": count for (tier, kind), count in self._outcomes.items()},
            "answer": self._answers.told(),
            "crm": self._crm.told(),
            "late": self._late,
        }
