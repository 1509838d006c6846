"""A rule: conditions on did, caller, stage and moment, and the route that they lead to."""

from datetime import datetime, tzinfo

from msgspec import Struct

from fallbackrouter.core.dates import NO_DATES, DateSet
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.pattern import Pattern
from fallbackrouter.core.route import Route
from fallbackrouter.core.schedule import Window


class Condition(Struct, frozen=True):
    """A condition on a telephone number; true where any of its parts is.

    Attributes:
        any: every number matches, withheld ones too.
        exact: keys of numbers (core.numbers.Number.key).
        patterns: Asterisk patterns, tried on each spelling of the number.
        withheld: a withheld number matches.
    """

    any: bool = False
    exact: frozenset[str] = frozenset()
    patterns: tuple[Pattern, ...] = ()
    withheld: bool = False

    def matches(self, number: Number) -> bool:
        """Tell whether the condition holds for a number."""
        if self.any:
            return True
        if number.withheld:
            return self.withheld
        if number.key in self.exact:
            return True
        return any(pattern.matches(text) for pattern in self.patterns for text in number.spellings)


ANYONE = Condition(any=True)


class Rule(Struct, frozen=True):
    """A condition and a route.

    Attributes:
        name: unique within its tier; a feed row's id.
        tier: override, fallback or synced.
        stages: the stages it is for; empty: all.
        windows: it holds in any of these; empty: always.
        dates: it holds on these alone; empty: on all.
        except_dates: it does not hold on these.
        zone: where the clock of windows and dates hangs; None: the machine's configured zone was resolved to UTC.
        priority: higher wins.
        place: file and line, or the feed; for people.
        valid_from: UTC; None: since ever.
        valid_until: UTC, excluded; None: for ever.
        next_route: where the call goes if the route's destination cannot take it; None where nothing is said.
    """

    name: str
    tier: str
    route: Route
    did: Condition = ANYONE
    caller: Condition = ANYONE
    stages: frozenset[str] = frozenset()
    windows: tuple[Window, ...] = ()
    dates: DateSet = NO_DATES
    except_dates: DateSet = NO_DATES
    zone: tzinfo | None = None
    priority: int = 0
    place: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    next_route: Route | None = None

    def holds_at(self, at: datetime) -> bool:
        """Tell whether the rule is in force at a moment (UTC, aware)."""
        if self.valid_from is not None and at < self.valid_from:
            return False
        if self.valid_until is not None and at >= self.valid_until:
            return False
        if not (self.windows or self.dates or self.except_dates):
            return True
        local = at.astimezone(self.zone) if self.zone is not None else at
        return self.holds_on(local) and (not self.windows or any(window.contains(local) for window in self.windows))

    def holds_on(self, local: datetime) -> bool:
        """Tell whether the rule is for the day of a moment, as the clock on the wall shows it."""
        return (not self.dates or self.dates.contains(local)) and not self.except_dates.contains(local)
