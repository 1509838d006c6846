"""Rules for the same calls: one tier, the same did, caller and stages. Their hours are meant to fit together."""

from collections.abc import Iterable
from dataclasses import dataclass

from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.week import week_of
from fallbackrouter.rulesfile.placed import Placed


@dataclass(frozen=True, slots=True)
class Member:
    """A rule of a group, with its place."""

    rule: Rule
    placed: Placed

    @property
    def dated(self) -> bool:
        """It is for some dates only, or ends by itself."""
        return bool(self.rule.dates) or self.rule.valid_until is not None

    @property
    def text(self) -> str:
        """The rule's name and place, for people."""
        return f'"{self.rule.name}" ({self.rule.place})'

    def week(self) -> int:
        """Return the minutes of every week that the rule names."""
        return 0 if self.dated else week_of(self.rule.windows)


Group = list[Member]


def group(members: Iterable[Member]) -> list[Group]:
    """Return the rules by the calls that they are for, each group in the order given."""
    groups: dict[tuple[str, Condition, Condition, frozenset[str]], Group] = {}
    for member in members:
        rule = member.rule
        groups.setdefault((rule.tier, rule.did, rule.caller, rule.stages), []).append(member)
    return list(groups.values())


def one_zone(some: Iterable[Member]) -> bool:
    """Tell whether the hours of rules hang on one clock."""
    return len({member.rule.zone for member in some if member.rule.windows}) == 1
