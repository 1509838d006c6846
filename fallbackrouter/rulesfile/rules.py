"""Checked rules from a database -> the rules that serve; what no check would have let through is refused again."""

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo

from fallbackrouter.core.call import is_stage
from fallbackrouter.core.dates import NO_DATES, DateSet, parse_dates
from fallbackrouter.core.names import is_function, is_variable
from fallbackrouter.core.pattern import Pattern, parse_pattern
from fallbackrouter.core.route import (
    MAX_ANSWER_COST,
    MAX_RULE_CHARS,
    Route,
    answer_cost,
    leaves_room_for_next,
    printable,
)
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.schedule import Window, parse_window
from fallbackrouter.rulesfile.moment import read_moment
from fallbackrouter.rulesfile.specs import MAX_PRIORITY, TIERS, DatesSpec, NumbersSpec, RuleSpec

LoadZone = Callable[[str], tzinfo | None]
"""A zone by its IANA name, the machine's for "", None where there is no such zone."""


def make_rules(specs: Iterable[RuleSpec], load_zone: LoadZone) -> tuple[Rule, ...]:
    """Return the rules in the order of their specs.

    Raises:
        ValueError: a spec holds what no check would have let through.
    """
    maker = _Maker(load_zone)
    return tuple(maker.rule(spec) for spec in specs)


class _Maker:
    """Turns specs into rules; what repeats is made once."""

    def __init__(self, load_zone: LoadZone) -> None:
        self._load_zone = load_zone
        self._lists: dict[tuple[str, ...], frozenset[str]] = {}
        self._patterns: dict[str, Pattern] = {}
        self._windows: dict[str, Window] = {}
        self._date_sets: dict[tuple[str, ...], DateSet] = {(): NO_DATES}
        self._zones: dict[str, tzinfo] = {}
        self._names: set[tuple[str, str]] = set()

    def rule(self, spec: RuleSpec) -> Rule:
        """Return the rule of a spec."""
        _check_heading(spec)
        if (spec.tier, spec.name) in self._names:
            raise ValueError(f"two rules of one tier are called {spec.name}")
        self._names.add((spec.tier, spec.name))
        return Rule(
            name=spec.name,
            tier=spec.tier,
            route=_first_route(spec),
            did=self._condition(spec.did),
            caller=self._condition(spec.caller),
            stages=frozenset(spec.stages),
            windows=tuple(self._window(text) for text in spec.windows),
            dates=self._dates(spec.dates),
            except_dates=self._dates(spec.except_dates),
            zone=self._zone(spec.timezone) if spec.windows or spec.dates.days or spec.except_dates.days else None,
            priority=spec.priority,
            place=spec.place,
            valid_until=_end(spec),
            next_route=_next_route(spec),
        )

    def _condition(self, numbers: NumbersSpec) -> Condition:
        if numbers.exact not in self._lists:
            self._lists[numbers.exact] = frozenset(numbers.exact)
        patterns = tuple(self._pattern(text) for text in numbers.patterns)
        return Condition(numbers.any, self._lists[numbers.exact], patterns, numbers.withheld)

    def _pattern(self, text: str) -> Pattern:
        if text not in self._patterns:
            self._patterns[text] = parse_pattern(text)
        return self._patterns[text]

    def _window(self, text: str) -> Window:
        if text not in self._windows:
            self._windows[text] = parse_window(text)
        return self._windows[text]

    def _dates(self, spec: DatesSpec) -> DateSet:
        if spec.days not in self._date_sets:
            self._date_sets[spec.days] = DateSet(tuple(map(parse_dates, spec.days)))
        return self._date_sets[spec.days]

    def _zone(self, name: str) -> tzinfo:
        if name not in self._zones:
            zone = self._load_zone(name)
            if zone is None:
                raise ValueError(f"unknown time zone {printable(name)}")
            self._zones[name] = zone
        return self._zones[name]


def _check_heading(spec: RuleSpec) -> None:
    if not spec.name or printable(spec.name) != spec.name:
        raise ValueError(f"a rule's name is empty, longer than {MAX_RULE_CHARS} characters, or not printable")
    if spec.tier not in TIERS:
        raise ValueError(f"rule {spec.name} is of no known tier")
    if abs(spec.priority) > MAX_PRIORITY:
        raise ValueError(f"the priority of rule {spec.name} is out of bounds")
    if not all(is_stage(stage) for stage in spec.stages):
        raise ValueError(f"rule {spec.name} names no stage")


def _end(spec: RuleSpec) -> datetime | None:
    if not spec.valid_until:
        return None
    moment = read_moment(spec.valid_until, None)
    if moment is None:
        raise ValueError(f"rule {spec.name} ends at no moment")
    return moment


def _first_route(spec: RuleSpec) -> Route:
    route = Route(spec.variables, spec.functions)
    _check_route(route, spec.name)
    return route


def _next_route(spec: RuleSpec) -> Route | None:
    if not spec.next_variables:
        return None
    route = Route(spec.next_variables)
    _check_route(route, spec.name)
    if not leaves_room_for_next(_first_route(spec)):
        raise ValueError(f"the first route of rule {spec.name} leaves no room for a second")
    return route


def _check_route(route: Route, name: str) -> None:
    """Refuse again what a dialplan could not bear; the route passed the gate before it was stored."""
    names_fit = all(is_variable(key) for key, _ in route.variables) and all(is_function(f) for f, _ in route.functions)
    values = [value for _, value in (*route.variables, *route.functions)]
    if not names_fit or any(printable(value, len(value)) != value for value in values):
        raise ValueError(f"the route of rule {name} holds what no dialplan may see")
    if not route.app or answer_cost(route) > MAX_ANSWER_COST:
        raise ValueError(f"the route of rule {name} has no app or is too long")
