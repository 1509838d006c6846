"""Warns of rules that check, but hardly do what was meant: seen only with all rules together.

Its rules: a warning is worth reading, so what is doubtful is not said; the work is bounded whatever the rules are, and
what was left out is said.
"""

from collections.abc import Callable, Sequence

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.shadow import Shadow, shadows
from fallbackrouter.core.tier import FALLBACK
from fallbackrouter.rulesfile.endings import shared_ends
from fallbackrouter.rulesfile.gaps import Gaps
from fallbackrouter.rulesfile.groups import Group, Member, group
from fallbackrouter.rulesfile.nights import missed_nights
from fallbackrouter.rulesfile.placed import Placed
from fallbackrouter.rulesfile.problem import Mark
from fallbackrouter.rulesfile.rules import LoadZone, make_rules
from fallbackrouter.rulesfile.specs import TIERS

MAX_OTHERS = 100
"""Among so many rules for the same calls the end of a night is looked for."""

Warn = Callable[[str, Mark, str, str], None]
"""Takes a file, a place in it, what is doubtful, and the remedy."""


def remark(
    placed: Sequence[Placed], *, load_zone: LoadZone, read_number: ReadNumber, warn: Warn, where: str, whole: bool
) -> None:
    """Look at all rules together.

    Args:
        placed: the rules that are in order, as they were given.
        where: the rules directory, for what concerns no single rule.
        whole: there are no others; else nothing is said of what is missing.
    """
    rules = make_rules((one.spec for one in placed), load_zone)
    members = [Member(rule, one) for rule, one in zip(rules, placed, strict=True)]
    for tier in TIERS:
        _remark_shadows([member for member in members if member.rule.tier == tier], read_number, warn, where)
    gaps = Gaps([rule for rule in rules if rule.tier == FALLBACK] if whole else [], read_number)
    for some in group(members):
        _remark_hours(some, warn)
        gap = gaps.of(some) if whole else None
        if gap is not None:
            member, what, remedy = gap
            warn(member.placed.file, member.placed.at, what, remedy)
    if gaps.left:
        what = f"the week's hours were not looked at for {gaps.left:,} dids: too many rules are for the same calls"
        warn(where, Mark(), what, "gaps may be among them; `fallbackrouter explain --at` tells of a moment")


def _remark_shadows(members: Sequence[Member], read_number: ReadNumber, warn: Warn, where: str) -> None:
    by_name = {member.rule.name: member for member in members}
    found = shadows([member.rule for member in members], read_number)
    for shadow in found.found:
        placed = by_name[shadow.rule.name].placed
        warn(placed.file, placed.at, *_shadowed(shadow, by_name))
    for member in members:
        if member.rule.dates and member.rule.dates.within(member.rule.except_dates):
            what = f'rule "{member.rule.name}" can never win: each of its dates is among its except'
            warn(member.placed.file, member.placed.at, what, "correct one of the two")
    if found.left:
        what = f"{found.left:,} rules were not compared with all that come before them: too many are for the same calls"
        warn(
            where, Mark(), what, "rules that can never win may be among them; `fallbackrouter explain` tells of a call"
        )


def _shadowed(shadow: Shadow, by_name: dict[str, Member]) -> tuple[str, str]:
    name = shadow.rule.name
    if not shadow.by:
        return f'rule "{name}" can never win: its did or its caller names no number', "write some, or take the rule out"
    others = " and ".join(by_name[rule.name].text for rule in shadow.by)
    come = "comes" if len(shadow.by) == 1 else "together come"
    what = f'rule "{name}" can never win: {others} {come} before it wherever and whenever it holds'
    return what, "take it out, narrow the other, or give it a higher priority"


def _remark_hours(some: Group, warn: Warn) -> None:
    for member, window, what, remedy in shared_ends(some):
        warn(member.placed.file, member.placed.windows[window], what, remedy)
    for member in some:
        if member.dated or not any(missed_nights(member.rule.windows)):
            continue
        for window, what, remedy in missed_nights(member.rule.windows, _week_of_others(some, member)):
            warn(member.placed.file, member.placed.windows[window], what, remedy)


def _week_of_others(some: Group, member: Member) -> int:
    week = 0
    for other in some[:MAX_OTHERS]:
        if other is not member and other.rule.zone == member.rule.zone:
            week |= other.week()
    return week
