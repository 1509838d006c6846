"""A decision's trail as bars on a line of time, against the budget. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SLIVER = 0.4
"""The least share of the line, in %, that a bar takes, so that it can be seen."""
BEHIND = ("journal", "write")
"""What comes after the walk, in its order."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that took time.

    Attributes:
        kind: `tier`, or `journal` or `write`.
        name: the tier's; "" for others.
        verdict: the tier's word; "" for others.
        why: the rule or the reason.
        ms: how long; None where that is not known.
        left: where it begins, in % of the line; so is `width`.
    """

    kind: str
    name: str
    verdict: str
    why: str
    ms: float | None
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars, in their order.

    Attributes:
        whole_ms: what the line stands for.
        budget: where the budget ends, in % of the line.
    """

    bars: tuple[Bar, ...]
    whole_ms: float
    budget: float


def timeline(row: Mapping[str, Any], budget_ms: float) -> Timeline:
    """Return a decision's trail as bars.

    Args:
        row: the decision, as docs/journal.md has it.
        budget_ms: what the call may take; above 0.
    """
    steps, times = row["trail"]["steps"], row["trail"]["times_ms"]
    spent_ms = sum(step.get("ms") or 0.0 for step in steps)
    behind = [(name, float(times.get(name) or 0.0)) for name in BEHIND if times.get(name) is not None]
    whole_ms = max(budget_ms, float(row["ms"] or 0.0), spent_ms + sum(ms for _, ms in behind))
    bars, at_ms = [], 0.0
    for step in steps:
        ms = step.get("ms")
        why = str(step.get("rule") or step.get("reason") or "")
        bars.append(Bar("tier", step["tier"], step["verdict"], why, ms, *_placed(at_ms, ms or 0.0, whole_ms)))
        at_ms += ms or 0.0
    for name, ms in behind:
        bars.append(Bar(name, "", "", "", ms, *_placed(at_ms, ms, whole_ms)))
        at_ms += ms
    return Timeline(tuple(bars), whole_ms, round(100 * budget_ms / whole_ms, 2))


def _placed(at_ms: float, ms: float, whole_ms: float) -> tuple[float, float]:
    """Return left and width, in %; both within the line."""
    width = min(100.0, max(SLIVER, 100 * ms / whole_ms))
    return round(min(100 * at_ms / whole_ms, 100 - width), 2), round(width, 2)
