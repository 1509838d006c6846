"""A row of routes.db as a look-up finds it: its place in the winning order, its hours, and the rule that it is."""

from datetime import datetime, tzinfo
from typing import NamedTuple

from fallbackrouter.core.order import Rank
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.schedule import Window
from fallbackrouter.core.tier import SYNCED
from fallbackrouter.store.moments import from_ms
from fallbackrouter.store.route_shapes import condition, parts, rank


class Found(NamedTuple):
    """A row of routes.db, as its query returns it; moments in ms, `rank` is the priority turned round."""

    key: str
    rank: int
    id: str
    stage: str
    result: str
    windows: str
    zone: str
    valid_from: int | None
    valid_until: int | None

    @property
    def order(self) -> tuple[int, Rank, Rank, str]:
        """The key to sort by, the winner first; that of core.order, with the id at its end."""
        did, caller = parts(self.key)
        return (self.rank, rank(did), rank(caller), self.id)


class Hours(NamedTuple):
    """When a route holds; a problem instead where this cannot be read."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo | None = None
    problem: str = ""

    def hold(self, at: datetime) -> bool:
        """Tell whether a moment is inside; hours that cannot be read are taken to hold, so that they are noticed."""
        if not self.windows:
            return True
        local = at.astimezone(self.zone)
        return any(window.contains(local) for window in self.windows)


def as_rule(row: Found, route: Route, hours: Hours) -> Rule:
    """Return a row as the rule that it is, with a route that passed the gate."""
    did, caller = parts(row.key)
    return Rule(
        name=row.id,
        tier=SYNCED,
        route=route,
        did=condition(did),
        caller=condition(caller),
        stages=frozenset({row.stage}) if row.stage else frozenset(),
        windows=hours.windows,
        zone=hours.zone,
        priority=-row.rank,
        place="feed",
        valid_from=None if row.valid_from is None else from_ms(row.valid_from),
        valid_until=None if row.valid_until is None else from_ms(row.valid_until),
    )
