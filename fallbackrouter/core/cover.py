"""Whether all that one condition holds for, another holds for too. True only where that is certain.

Numbers that spell a pattern themselves (a caller called `_7495.`) are left out of account: nobody has one.
"""

from collections.abc import Sequence
from functools import lru_cache

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.numbers import WITHHELD, Number
from fallbackrouter.core.order import ANY, NUMBER, Part
from fallbackrouter.core.pattern import Pattern
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.schedule import Window, can_come

MAX_NUMBERS = 200
"""Longer lists are not held against patterns."""
MAX_BOXES = 64
"""Hours that fall into more pieces than these are not followed any further."""

Side = tuple[Condition, Part]
"""A condition, and the part of it that is meant."""
Box = tuple[int, int, int, int]
"""Minutes, weekdays, days of the month and months, as a Window's bits."""

ALWAYS: Box = ((1 << 1440) - 1, (1 << 7) - 1, (1 << 31) - 1, (1 << 12) - 1)


def covers(wide: Side, narrow: Side, read_number: ReadNumber) -> bool:
    """Tell whether every number of one part is a number of the other too."""
    (wider, part), (condition, meant) = wide, narrow
    if ANY in (part.rank, meant.rank):
        return part.rank == ANY
    if meant.rank != NUMBER:
        return meant.patterns == part.patterns or all(
            any(pattern_covers(one, pattern) for one in part.patterns) for pattern in meant.patterns
        )
    if part.rank == NUMBER:
        named = condition.exact is wider.exact or condition.exact <= wider.exact
        return named and (wider.withheld or not condition.withheld)
    return not condition.withheld and _all_match(condition.exact, part.patterns, read_number)


def pattern_covers(wide: Pattern, narrow: Pattern) -> bool:
    """Tell whether every number that one pattern matches is matched by the other."""
    fixed = len(wide.positions)
    if len(narrow.positions) < fixed:
        return False
    if not wide.tail and (narrow.tail or len(narrow.positions) > fixed):
        return False
    if wide.tail == "." and len(narrow.positions) == fixed and narrow.tail != ".":
        return False
    return all(map(frozenset.issuperset, wide.positions, narrow.positions))


def cost(wide: Side, narrow: Side) -> int:
    """Return what `covers` takes at the most, in the time that a short comparison takes."""
    (wider, part), (condition, meant) = wide, narrow
    named = 0 if condition.exact is wider.exact or part.rank != NUMBER else len(condition.exact)
    tried = 0 if meant.patterns == part.patterns else len(part.patterns) * len(meant.patterns)
    return named // 500 + tried // 50


def _all_match(keys: frozenset[str], patterns: Sequence[Pattern], read_number: ReadNumber) -> bool:
    """Tell whether each number with one of these keys is matched, however it is dialled."""
    if len(keys) * len(patterns) > MAX_NUMBERS:
        return False
    dialled = (read_number(text) for key in keys for text in (key, f"+{key}"))
    meant = (number for number in dialled if number.key in keys)
    return all(any(one.matches(text) for one in patterns for text in number.spellings) for number in meant)


def sample(condition: Condition, part: Part, read_number: ReadNumber) -> Number:
    """Return a number of a part that all which cover it match too, and as few others as can be had."""
    if part.rank == NUMBER and condition.exact:
        return read_number(_least(condition.exact))
    if part.rank in (ANY, NUMBER):
        return WITHHELD
    pattern = part.patterns[0]
    text = "".join(map(min, pattern.positions)) + ("0" if pattern.tail == "." else "")
    return Number(raw=text, dialled=text, key=text)


@lru_cache(maxsize=16)
def _least(keys: frozenset[str]) -> str:
    """Return the first of a list of numbers; kept, as many rules share long lists."""
    return min(keys)


def days_cover(wide: Rule, narrow: Rule) -> bool:
    """Tell whether a rule is in force, but for its windows, whenever another one is."""
    lasts = wide.valid_until is None or (narrow.valid_until is not None and narrow.valid_until <= wide.valid_until)
    begins = wide.valid_from is None or (narrow.valid_from is not None and narrow.valid_from >= wide.valid_from)
    on_dates = not wide.dates or (bool(narrow.dates) and narrow.dates.within(wide.dates))
    return lasts and begins and on_dates and wide.except_dates.within(narrow.except_dates)


def boxes(windows: Sequence[Window]) -> list[Box]:
    """Return windows as boxes; none means always."""
    return [(one.minutes, one.weekdays, one.mdays, one.months) for one in windows] or [ALWAYS]


def hours_cover(wide: Sequence[Box], narrow: Sequence[Box]) -> bool:
    """Tell whether some hours lie wholly within others."""
    left = list(narrow)
    for taken in wide:
        left = [piece for box in left for piece in _without(box, taken)]
        if len(left) > MAX_BOXES:
            return False
    return not left


def _without(box: Box, taken: Box) -> list[Box]:
    """Return a box without what another takes of it, in pieces."""
    if not all(one & other for one, other in zip(box, taken, strict=True)):
        return [box]
    pieces: list[Box] = []
    rest = list(box)
    for place, bits in enumerate(taken):
        left = rest[place] & ~bits
        if left:
            piece = (*rest[:place], left, *rest[place + 1 :])
            pieces.append((piece[0], piece[1], piece[2], piece[3]))
        rest[place] &= bits
    return [piece for piece in pieces if can_come(piece[2], piece[3])]
