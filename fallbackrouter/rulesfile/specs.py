"""Checked rules as plain values that JSON can carry."""

import msgspec

from fallbackrouter.core.tier import FALLBACK, OVERRIDE

TIERS = (FALLBACK, OVERRIDE)
MAX_RULES = 10_000
MAX_PATTERNS = 100_000
"""The most different patterns of all rules together; each of them is tried on every number."""
MAX_PRIORITY = 1_000_000

_SHOWN = 3
"""So many numbers and patterns are named to people."""


class NumbersSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A condition on did or caller.

    Attributes:
        exact: keys of numbers, sorted.
        patterns: texts of Asterisk patterns.
        shared: inside bytes only: the index of the list that `exact` stands in, -1 where it stands here.
    """

    any: bool = False
    withheld: bool = False
    exact: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    shared: int = -1

    def describe(self) -> str:
        """Return the condition for people, long lists cut short."""
        words = ["any"] * self.any + ["withheld"] * self.withheld
        named = [*self.patterns, *self.exact]
        more = [f"and {len(named) - _SHOWN} more"] if len(named) > _SHOWN else []
        return ", ".join([*words, *named[:_SHOWN], *more])


class DatesSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Dates that a rule is for, or is not for.

    Attributes:
        days: texts of days and ranges of days (core.dates); empty: the rule names none.
        shared: inside bytes only: the index of the list that `days` stands in, -1 where it stands here.
    """

    days: tuple[str, ...] = ()
    shared: int = -1

    def describe(self) -> str:
        """Return the dates for people, long lists cut short."""
        more = [f"and {len(self.days) - _SHOWN} more"] if len(self.days) > _SHOWN else []
        return ", ".join([*self.days[:_SHOWN], *more])


NO_DATES = DatesSpec()


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A checked rule, as JSON can carry it.

    Attributes:
        name: unique within its tier.
        stages: empty: all.
        windows: texts of GotoIfTime windows; empty: always.
        timezone: an IANA name, "" for the machine's.
        variables: the route's, name and value.
        functions: the dialplan functions that the route writes, name and value.
        valid_until: it holds before this moment, ISO 8601 in UTC; "": for ever.
        next_variables: the second route's, empty where there is none; it writes no functions.
        place: file and line, for people.
    """

    name: str
    tier: str
    variables: tuple[tuple[str, str], ...]
    functions: tuple[tuple[str, str], ...] = ()
    next_variables: tuple[tuple[str, str], ...] = ()
    did: NumbersSpec = NumbersSpec(any=True)
    caller: NumbersSpec = NumbersSpec(any=True)
    stages: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    dates: DatesSpec = NO_DATES
    except_dates: DatesSpec = NO_DATES
    timezone: str = ""
    priority: int = 0
    valid_until: str = ""
    place: str = ""

    @property
    def route(self) -> dict[str, str]:
        """The route as one mapping, as the file spells it."""
        return dict((*self.variables, *self.functions))

    @property
    def next_route(self) -> dict[str, str]:
        """The second route as one mapping, empty where there is none."""
        return dict(self.next_variables)

    @property
    def version(self) -> int:
        """The oldest format of a compiled set that can hold this rule."""
        newer = (self.next_variables, self.valid_until, self.dates.days, self.except_dates.days)
        return 2 if any(newer) else 1

    @property
    def when(self) -> str:
        """When the rule holds, for people."""
        words = ["; ".join(self.windows)] if self.windows else []
        words += [f"on {self.dates.describe()}"] if self.dates.days else []
        words += [f"except {self.except_dates.describe()}"] if self.except_dates.days else []
        return " ".join(words) + f" ({self.timezone})" if words else "always"
