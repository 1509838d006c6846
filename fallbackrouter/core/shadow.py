"""Which rules of a tier can never win, because others come before them wherever and whenever they hold.

What is found is certain; not everything is found: a rule is compared with those that rank before it and cover its
numbers one by one, their hours taken together. The work is bounded, and says when it was cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.cover import Box, Side, boxes, cost, covers, days_cover, hours_cover, sample
from fallbackrouter.core.order import Entry, entries
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook

if TYPE_CHECKING:
    from datetime import tzinfo

MAX_COMPARED = 200_000
"""The most comparisons of one rule with another; they take some seconds."""
MAX_FOR_ONE = 500
"""The most for one place of a rule in the order."""
MAX_NAMED = 3
"""So many rules together may shadow one: a longer list explains nothing."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A rule that can never win; `by` names those that win in its stead, none where it matches no number at all."""

    rule: Rule
    by: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Shadows:
    """What a search found.

    Attributes:
        found: in the order given.
        left: how many rules were not, or not wholly, compared with the others.
    """

    found: tuple[Shadow, ...]
    left: int


def shadows(rules: Sequence[Rule], read_number: ReadNumber, most: int = MAX_COMPARED) -> Shadows:
    """Find the rules of one tier that can never win.

    Args:
        rules: in the order given, which decides between equals.
        most: so many comparisons at the most.
    """
    return _Search(rules, read_number, most).run()


class _Search:
    def __init__(self, rules: Sequence[Rule], read_number: ReadNumber, most: int) -> None:
        self._rules = rules
        self._book = Rulebook(rules)
        self._read_number = read_number
        self._most = most
        self._left: set[int] = set()

    def run(self) -> Shadows:
        found = [shadow for place, rule in enumerate(self._rules) for shadow in self._of(rule, place)]
        return Shadows(tuple(found), len(self._left))

    def _of(self, rule: Rule, place: int) -> Iterator[Shadow]:
        by: dict[str, Rule] = {}
        for entry in entries(rule, place):
            before = self._shadowing(entry)
            by.update((one.name, one) for one in before)
            if not before or len(by) > MAX_NAMED:
                return
        yield Shadow(rule, tuple(by.values()))

    def _shadowing(self, entry: Entry) -> list[Rule]:
        """Return the rules that together leave an entry no moment, none where it has one."""
        hours = boxes(entry.rule.windows)
        taken: dict[tzinfo | None, list[tuple[Rule, list[Box]]]] = {}
        for rule in self._before(entry):
            theirs = boxes(rule.windows)
            if hours_cover(theirs, hours):
                return [rule]
            together = taken.setdefault(rule.zone, [])
            together.append((rule, theirs))
            if len(together) <= MAX_NAMED and hours_cover([box for _, some in together for box in some], hours):
                return [one for one, _ in together]
        return []

    def _before(self, entry: Entry) -> Iterator[Rule]:
        """Yield the rules that come before an entry and hold for all its calls, but perhaps not at all its hours."""
        left = MAX_FOR_ONE
        for other in self._candidates(entry):
            if other.key >= entry.key:
                return
            takes = 1 + _windows(other, entry) // 20 + sum(cost(*sides) for sides in _sides(other, entry))
            left -= takes
            self._most -= takes
            if left < 0 or self._most < 0:
                self._left.add(entry.given)
                return
            if other.rule is not entry.rule and self._covers(other, entry):
                yield other.rule

    def _candidates(self, entry: Entry) -> Iterator[Entry]:
        """Yield the entries that match one call of an entry; those that cover it are among them."""
        rule, read = entry.rule, self._read_number
        call = Call(
            did=sample(rule.did, entry.did, read),
            caller=sample(rule.caller, entry.caller, read),
            stage=min(rule.stages, default=""),
        )
        return self._book.matching(call)

    def _covers(self, wide: Entry, narrow: Entry) -> bool:
        rule, other = narrow.rule, wide.rule
        if other.stages and not (rule.stages and rule.stages <= other.stages):
            return False
        if not (_timeless(other) or _timeless(rule) or other.zone == rule.zone) or not days_cover(other, rule):
            return False
        return all(covers(*sides, self._read_number) for sides in _sides(wide, narrow))


def _sides(wide: Entry, narrow: Entry) -> tuple[tuple[Side, Side], tuple[Side, Side]]:
    """Return the dids of both and the callers of both, to be compared."""
    one, other = wide.rule, narrow.rule
    return (
        ((one.did, wide.did), (other.did, narrow.did)),
        ((one.caller, wide.caller), (other.caller, narrow.caller)),
    )


def _windows(wide: Entry, narrow: Entry) -> int:
    """Return how many windows would be held against how many, as one number."""
    return len(wide.rule.windows) * max(1, len(narrow.rule.windows))


def _timeless(rule: Rule) -> bool:
    return not (rule.windows or rule.dates or rule.except_dates)
