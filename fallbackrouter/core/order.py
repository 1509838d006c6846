"""The winning order of rules: which of two that match is asked first, and why.

Higher priority; then the more specific did; then the more specific caller; then the order given (the file's, or the
feed's ids). Of conditions on a number, an exact number and `withheld` come first, then patterns by their specificity,
then any. A condition with several parts stands in the order once for each of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fallbackrouter.core.pattern import END, Pattern
from fallbackrouter.core.rule import Condition, Rule

Rank = tuple[int, ...]
"""How specific a part of a condition is; the smaller comes first."""

NUMBER: Rank = (0,)
ANY: Rank = (2,)
_NAMES = ("a number", "a pattern", "any")


@dataclass(frozen=True, slots=True)
class Part:
    """What is equally specific in a condition: its numbers, its patterns of one specificity, or any."""

    rank: Rank
    patterns: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule's place in the order, for one part of its did and one of its caller.

    Attributes:
        given: the rule's place in the order given, from 0.
    """

    rule: Rule
    did: Part
    caller: Part
    given: int

    @property
    def key(self) -> tuple[int, Rank, Rank, int]:
        """The key to sort by, the winner first."""
        return (-self.rule.priority, self.did.rank, self.caller.rank, self.given)


def entries(rule: Rule, given: int) -> Iterator[Entry]:
    """Yield a rule's entries; none where a condition can never hold."""
    for did in parts(rule.did):
        for caller in parts(rule.caller):
            yield Entry(rule, did, caller, given)


def parts(condition: Condition) -> list[Part]:
    """Return a condition's parts; patterns of one specificity are one, so that long lists of prefixes stay short."""
    parts = [Part(NUMBER)] if condition.exact or condition.withheld else []
    by_rank: dict[Rank, list[Pattern]] = {}
    for pattern in condition.patterns:
        by_rank.setdefault((1, *pattern.specificity), []).append(pattern)
    parts += [Part(rank, tuple(patterns)) for rank, patterns in by_rank.items()]
    return [*parts, Part(ANY)] if condition.any else parts


def why_before(winner: Entry, loser: Entry) -> str:
    """Say in plain words why one entry comes before another."""
    if winner.rule.priority != loser.rule.priority:
        return f"higher priority wins ({winner.rule.priority} against {loser.rule.priority})"
    for what, first, second in (
        ("did", winner.did.rank, loser.did.rank),
        ("caller", winner.caller.rank, loser.caller.rank),
    ):
        if first != second:
            return f"{what}: {_why_narrower(first, second)}"
    return "as specific; the one given first wins"


def _why_narrower(first: Rank, second: Rank) -> str:
    if first[0] != second[0]:
        return f"{_NAMES[first[0]]} beats {_NAMES[second[0]]}"
    place = next(i for i, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    if END in first[:place]:
        return "a pattern that ends beats `.`, and both beat `!`"
    if END in (first[place], second[place]):
        return "the pattern with the longer fixed part wins"
    return f"the pattern that accepts fewer digits at place {place} wins"
