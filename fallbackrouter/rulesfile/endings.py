"""Warns of windows of two rules that meet in their end minute: 18:00 is in 09:00-18:00 and in 18:00-09:00.

The minute belongs to both, so that the rule that ranks first has it, which is hardly what its author thought of.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fallbackrouter.core.schedule import Window, can_come
from fallbackrouter.core.week import MINUTES, clock
from fallbackrouter.rulesfile.groups import Group, Member

MAX_PAIRS = 2_000
"""So many pairs of windows of one group are compared; a day has no more minutes to begin at."""

_LAST = MINUTES - 1


@dataclass(frozen=True, slots=True)
class _Hours:
    """A window of a rule, with the minutes at which it begins and ends."""

    member: Member
    place: int
    window: Window

    @property
    def begins(self) -> int:
        minutes = self.window.minutes
        return minutes & ~(minutes << 1 | minutes >> _LAST)

    @property
    def ends(self) -> int:
        minutes = self.window.minutes
        return minutes & ~(minutes >> 1 | (minutes & 1) << _LAST)


def shared_ends(group: Group) -> Iterator[tuple[Member, int, str, str]]:
    """Yield the later rule of each pair, which of its windows it is, what is wrong, and the remedy."""
    hours = [
        _Hours(member, place, window)
        for member in group
        if not member.dated
        for place, window in enumerate(member.rule.windows)
    ]
    for one, other in _pairs(hours):
        shared = _shared(one, other)
        if shared:
            yield other.member, other.place, _what(one, other, shared), _remedy(one, other, shared[0])


def _pairs(hours: list[_Hours]) -> Iterator[tuple[_Hours, _Hours]]:
    """Yield pairs of windows of two rules on one clock, of which one may end where the other begins."""
    left = MAX_PAIRS
    for place, other in enumerate(hours):
        for one in hours[:place]:
            left -= 1
            if left < 0:
                return
            if one.member is not other.member and one.member.rule.zone == other.member.rule.zone:
                yield one, other


def _shared(one: _Hours, other: _Hours) -> list[int]:
    """Return the minutes that two windows share; none where they share more than their ends, or no day."""
    first, second = one.window, other.window
    if not (first.weekdays & second.weekdays and can_come(first.mdays & second.mdays, first.months & second.months)):
        return []
    shared = first.minutes & second.minutes
    if shared & ~(one.ends & other.begins | one.begins & other.ends):
        return []
    return [minute for minute in range(MINUTES) if shared >> minute & 1]


def _what(one: _Hours, other: _Hours, minutes: list[int]) -> str:
    clocks = " and ".join(map(clock, minutes))
    theirs = f'"{one.window.text}" of rule {one.member.text}'
    winner = one if one.member.rule.priority >= other.member.rule.priority else other
    wins = f'"{winner.member.rule.name}" wins it' if len(minutes) == 1 else f'"{winner.member.rule.name}" wins them'
    return f'{clocks} is in both {theirs} and "{other.window.text}", as the end minute is included; {wins}'


def _remedy(one: _Hours, other: _Hours, minute: int) -> str:
    earlier = one if one.ends >> minute & 1 else other
    return f'end "{earlier.window.text}" at {clock((minute - 1) % MINUTES)} if the other is to have {clock(minute)}'
