"""Warns of hours of the week that the rules for a did leave open, though they divide the week among them.

Its rules: a single rule with hours divides nothing, nights and weekends are left to the last resort on purpose; of it,
holes inside its opening hours are named: a break of less than four hours, and the one working day that it leaves out. A
rule for more dids fills the hours of each of them. Rules for some dates, for some callers or of tier override fill
none.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.cover import covers, sample
from fallbackrouter.core.order import NUMBER, entries, parts
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK
from fallbackrouter.core.week import WEEK, day_left_out, shorter, spelled, week_of
from fallbackrouter.rulesfile.groups import Group, Member, one_zone

BREAK_MINUTES = 240
"""Longer than a siesta, shorter than the day that a rule for nights leaves open."""
MAX_WIDER = 200
"""So many rules are looked at for one did."""
MAX_NUMBERS = 50
"""So many of a rule's numbers are held against the others."""
MAX_LOOKED_AT = 100_000
"""And so many in all; it takes a second or two."""
_SHOWN = 3


class Gaps:
    """Finds the gaps of one set of rules.

    Args:
        rules: all of tier fallback.

    Attributes:
        left: how many groups were not looked at, as there were too many rules.
    """

    def __init__(self, rules: Sequence[Rule], read_number: ReadNumber) -> None:
        self._book = Rulebook(rules)
        self._read_number = read_number
        self._most = MAX_LOOKED_AT
        self.left = 0

    def of(self, group: Group) -> tuple[Member, str, str] | None:
        """Return the last rule of a group that leaves hours open, what is wrong, and the remedy; else None."""
        first = group[0].rule
        timed = [member for member in group if member.week()]
        if first.tier != FALLBACK or not first.caller.any or not timed or not one_zone(timed):
            return None
        if any(not (member.dated or member.rule.windows) for member in group):
            return None
        if self._most <= 0:
            self.left += 1
            return None
        open_ = WEEK & ~self._week(timed[0].rule)
        if len(timed) == 1:
            open_ = shorter(open_, BREAK_MINUTES) | day_left_out(WEEK & ~open_)
        if not open_:
            return None
        hours = spelled(open_)
        more = f" and {len(hours) - _SHOWN} more" if len(hours) > _SHOWN else ""
        did = timed[0].placed.spec.did.describe()
        what = f"no rule takes calls to {did} at " + "; ".join(hours[:_SHOWN]) + more
        return timed[-1], what, "write a rule for these hours, or one without when; else the last resort takes them"

    def _week(self, rule: Rule) -> int:
        """Return the minutes of the week that rules for these calls, or for more than these, name."""
        week = 0
        for wider in self._wider(rule):
            if not wider.windows:
                return WEEK
            if wider.zone == rule.zone:
                week |= week_of(wider.windows)
        return week

    def _wider(self, rule: Rule) -> Iterator[Rule]:
        """Yield the rules that are for all calls that a rule is for, itself among them, whatever their hours."""
        first = next(entries(rule, 0), None)
        if first is None:
            return
        did = sample(rule.did, first.did, self._read_number)
        call = Call(
            did=did, caller=sample(rule.caller, first.caller, self._read_number), stage=min(rule.stages, default="")
        )
        for seen, other in enumerate(self._book.matching(call)):
            self._most -= 1
            if seen >= MAX_WIDER:
                return
            if other.rule.caller.any and self._covers(other.rule, rule):
                yield other.rule

    def _covers(self, wide: Rule, rule: Rule) -> bool:
        if (
            wide.dates
            or wide.valid_until is not None
            or (wide.stages and not (rule.stages and rule.stages <= wide.stages))
        ):
            return False
        if wide.did == rule.did:
            return True
        numbers = islice(rule.did.exact, MAX_NUMBERS)
        return all(wide.did.matches(self._read_number(key)) for key in numbers) and all(
            any(covers((wide.did, part), (rule.did, meant), self._read_number) for part in parts(wide.did))
            for meant in parts(rule.did)
            if meant.rank != NUMBER
        )
