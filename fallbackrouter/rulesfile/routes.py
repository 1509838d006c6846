"""The `route` or `routes` of a rule -> where the call goes, and where it goes if that destination cannot take it.

Its rules: a rule has `route`, or `routes` with a first and a second; the second reaches the dialplan as `FR_NEXT`, a
destination and nothing else, so its app has to be mapped, and what is no part of a destination is of no use in it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fallbackrouter.core.route import Gate, Route, leaves_room_for_next
from fallbackrouter.rulesfile.keys import Pairs, read_pairs
from fallbackrouter.rulesfile.problem import Mark, Report
from fallbackrouter.rulesfile.route import read_route
from fallbackrouter.rulesfile.tree import Items, Node, Table

Destination = Callable[[Route], str]
"""A route -> its `context,exten,priority` by `[destinations]`, "" where its app is not mapped."""

MAX_ROUTES = 2
NO_ROUTE = Route(())

_EXAMPLE = '{app: group, num: "100"}'
_OF_A_DESTINATION = frozenset({"app", "num"})


@dataclass(frozen=True, slots=True)
class RoutesReader:
    """Reads the routes of one rule.

    Attributes:
        pairs: the rule's keys.
        at: where the rule stands.
        gate: what a route may hold.
        destination: tells where an app lies in the dialplan.
        report: takes errors.
        warn: takes warnings.
    """

    pairs: Pairs
    at: Mark
    gate: Gate
    destination: Destination
    report: Report
    warn: Report

    def read(self) -> tuple[Route, Route | None]:
        """Return the first route and the second, None where there is none; after a report they are of no use."""
        if "routes" not in self.pairs:
            return self._only(), None
        mark, node = self.pairs["routes"]
        if "route" in self.pairs:
            self.report(mark, "the rule has both route and routes", "leave one of them out")
        if not isinstance(node, Items) or len(node.items) != MAX_ROUTES:
            what = (
                "routes is no list of two" if not isinstance(node, Items) else f"routes has {len(node.items)} entries"
            )
            self.report(mark, what, f"write routes: [{_EXAMPLE}, {_EXAMPLE}], or route: for one alone")
            return NO_ROUTE, None
        first, second = (self._route(item) for item in node.items)
        if first and not leaves_room_for_next(first):
            what = "the first route's values leave no room for a second on an AGI line"
            self.report(node.items[0].mark, what, "shorten them")
        if second:
            self._check_second(second, node.items[1])
        return first or NO_ROUTE, second

    def _only(self) -> Route:
        if "route" not in self.pairs:
            self.report(self.at, "the rule has no route", f"write route: {_EXAMPLE}")
            return NO_ROUTE
        return self._route(self.pairs["route"][1]) or NO_ROUTE

    def _route(self, node: Node) -> Route | None:
        if not isinstance(node, Table):
            self.report(node.mark, "the route is no table", f"write route: {_EXAMPLE}")
            return None
        return read_route(read_pairs(node, self.report), node.mark, self.gate, self.report)

    def _check_second(self, second: Route, node: Node) -> None:
        if not self.destination(second):
            what = f"FR_NEXT carries the second route, and [destinations] has no place for its app {second.app}"
            remedy = f'map it in the configuration, as in {second.app} = "from-internal,{{num}},1"'
            self.report(node.mark, what, remedy)
        if second.functions:
            what = f"the second route cannot write {second.functions[0][0]}: FR_NEXT carries its destination alone"
            self.report(node.mark, what, "take it out")
        extra = [name for name, _ in second.variables if name not in _OF_A_DESTINATION]
        if extra:
            what = f"the second route's {', '.join(extra)} reaches no dialplan: FR_NEXT carries its destination alone"
            self.warn(node.mark, what, "take it out")
