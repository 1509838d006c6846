"""`[fallbackrouter-static]`: the rules and the last resort as Asterisk's own dialplan, place by place.

- Places are chained as core.order sorts them: each asks by DIALPLAN_EXISTS, an expression and GotoIfTime whether it
  holds, and leads to its rule's route or to the next place. Nothing leans on Asterisk's own order of patterns.
- An answer is whole: everything is cleared first, and FR_SOURCE is set last.
- All of it runs in the one Gosub frame of the caller's; so a hangup finds the `h` of the context that called.
"""

from collections.abc import Iterator, Sequence

from fallbackrouter.core.order import Entry, entries
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.tier import FALLBACK, OVERRIDE
from fallbackrouter.dialplan.moments import Dates, validity, window_arguments
from fallbackrouter.dialplan.numbers import (
    CALLER,
    DID,
    MAX_NUMBERS,
    Conditions,
    read_arguments,
    read_number,
    respelling_contexts,
)
from fallbackrouter.dialplan.plan import Plan
from fallbackrouter.dialplan.spell import Step, context, extension, value

SOURCE = "static"
_TIERS = (OVERRIDE, FALLBACK)


_ABOUT = {
    "FR_RULE": "the rule's name",
    "FR_STATUS": "the CRM was not asked",
    "FR_DEST": "context, extension, priority",
    "FR_NEXT": "where to if that does not take the call",
}


class TooLargeError(ValueError):
    """The rules are too many for a dialplan; the text says so and what to do."""


class Static:
    """Compiles the rules of a plan.

    Raises:
        TooLargeError: they are too many.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._conditions = Conditions(plan)
        self._dates = Dates(plan)
        self._routes: dict[str, tuple[int, Rule]] = {}
        places = [(tier, self._in_order(tier)) for tier in _TIERS]
        count = sum(len(chain) for _, chain in places)
        if count > plan.max_rules:
            raise TooLargeError(
                f"the rules make {count:,} places in the order, more than dialplan.max_rules ({plan.max_rules:,}): "
                "Asterisk would take long to reload them, and a call long to pass them all; join or drop rules"
            )
        self._policies = list(self._policy_tests())
        self._chains = [text for tier, chain in places for text in self._chain(tier, chain)]
        if self._conditions.count > MAX_NUMBERS:
            raise TooLargeError(
                f"the rules name {self._conditions.count:,} numbers and patterns, more than the {MAX_NUMBERS:,} "
                "that Asterisk reloads in good time; write patterns instead of lists of numbers"
            )

    def contexts(self) -> Iterator[str]:
        """Yield the texts of all contexts."""
        plan = self._plan
        yield self._door()
        yield from self._chains
        for place, rule in self._routes.values():
            yield self._route(place, rule)
        yield self._last()
        yield context(plan.named("h"), extension("h", [Step("Goto(${STACK_PEEK(1,c,1)},h,1)", "the caller's own h")]))
        yield from self._conditions.contexts()
        yield from self._dates.contexts()
        yield from respelling_contexts(plan)

    # --- the door -------------------------------------------------------------------------------------------------

    def _door(self) -> str:
        plan = self._plan
        names = ",".join((*plan.variables, *plan.about))
        events = "|".join(plan.event_stages) or "-"
        steps = [
            Step(f"Set(ARRAY({names})=)", "nothing of an earlier answer is left"),
            *read_arguments(),
            Step(f'GotoIf($[${{REGEX("^({events})$" ${{FR_STAGE}})}}]?done)', "an event gets no route"),
            Step(f"Set(LOCAL({CALLER}_N)=${{CALLERID(num)}})", "the caller, whatever he calls himself"),
            *read_number(DID, plan),
            *read_number(CALLER, plan),
            Step(f"Set(LOCAL(FR_FIRST)={self._first(OVERRIDE)})", "the tiers, in their order"),
            Step(f"Set(LOCAL(FR_THEN)={self._first(FALLBACK)})", "and after it this one"),
            *self._policies,
            Step("Goto(${FR_FIRST},s,1)", "the first place", "go"),
            Step("Return()", "back to who asked", "done"),
        ]
        why = (
            "Routes as the router's own rules would, when the router is gone. Gosub with did and stage, as above.\n"
            "FR_D is the dialled number and FR_C the caller: _N as dialled, _K as compared, _W withheld."
        )
        return context(plan.named("static"), [f"include => {plan.named('h')}"], extension("s", steps), why=why)

    def _policy_tests(self) -> Iterator[Step]:
        """Yield the steps that choose another order of tiers for some numbers."""
        plan = self._plan
        orders = [(condition, _static_order(policy.order)) for condition, policy in plan.policies.by_did]
        last = max((place for place, (_, order) in enumerate(orders) if order != _TIERS), default=-1)
        for place, (condition, order) in enumerate(orders[: last + 1]):
            test = self._conditions.whole(condition, DID)
            if test:
                yield Step(f"GotoIf($[{test}]?:policy{place})", "another order for some numbers")
            chosen = [*(self._first(tier) for tier in order), plan.named("last"), plan.named("last")]
            yield Step(f"Set(LOCAL(FR_FIRST)={chosen[0]})", "their first tier")
            yield Step(f"Set(LOCAL(FR_THEN)={chosen[1]})", "and what follows it")
            yield Step("Goto(go)", "the first policy that matches counts")
            yield Step("NoOp()", "not for this number", f"policy{place}")

    def _first(self, tier: str) -> str:
        return self._plan.named(f"{tier}-1")

    # --- the chain ------------------------------------------------------------------------------------------------

    def _in_order(self, tier: str) -> list[Entry]:
        rules = [rule for rule in self._plan.rules if rule.tier == tier]
        return sorted(
            (entry for i, rule in enumerate(rules) for entry in entries(rule, i)), key=lambda entry: entry.key
        )

    def _chain(self, tier: str, chain: Sequence[Entry]) -> Iterator[str]:
        plan = self._plan
        for place, entry in enumerate(chain, 1):
            name, following = (plan.named(f"{tier}-{at}") for at in (place, place + 1))
            steps = list(self._steps(entry, f"{following},s,1"))
            why = f"{entry.rule.name} ({entry.rule.place or tier})"
            yield context(name, [f"include => {plan.named('h')}"], extension("s", steps), why=why)
        steps = [
            Step("Set(LOCAL(FR_FIRST)=${FR_THEN})", "no rule of this tier holds: on to the next one"),
            Step(f"Set(LOCAL(FR_THEN)={plan.named('last')})", "behind which there is the last resort"),
            Step("Goto(${FR_FIRST},s,1)", "go on there"),
        ]
        name = plan.named(f"{tier}-{len(chain) + 1}")
        yield context(name, [f"include => {plan.named('h')}"], extension("s", steps))

    def _steps(self, entry: Entry, following: str) -> Iterator[Step]:
        rule = entry.rule
        tests = [
            self._conditions.test(rule.did, entry.did, DID),
            self._conditions.test(rule.caller, entry.caller, CALLER),
            _stage_test(rule),
            *validity(rule),
            *self._dates.tests(rule),
        ]
        expression = " & ".join(test for test in tests if test)
        target = f"{self._route_of(rule)},s,1"
        if expression:
            yield Step(f"GotoIf($[{expression}]?:{following})", "not for this call: the next place")
        for window in rule.windows:
            yield Step(f"GotoIfTime({window_arguments(window, rule.zone)}?{target})", "in force: its route")
        yield Step(
            *((f"Goto({following})", "not now: the next place") if rule.windows else (f"Goto({target})", "its route"))
        )

    # --- the routes -----------------------------------------------------------------------------------------------

    def _route_of(self, rule: Rule) -> str:
        key = f"{rule.tier} {rule.name}"
        place, _ = self._routes.setdefault(key, (len(self._routes) + 1, rule))
        return self._plan.named(f"route-{place}")

    def _route(self, place: int, rule: Rule) -> str:
        """Return the context of a rule's route, or of its second one where the first one's destination is not there."""
        plan = self._plan
        first, second = plan.destination(rule.route), ""
        if rule.next_route is not None:
            second = plan.destination(rule.next_route)
        steps: list[Step] = []
        if first:
            steps.append(Step(f"GotoIf(${{DIALPLAN_EXISTS({value(first)})}}?first)", "its destination is there"))
            if second:
                steps.append(Step(f"GotoIf(${{DIALPLAN_EXISTS({value(second)})}}?second)", "else the second one"))
            steps.append(Step(f"Goto({plan.named('last')},s,1)", "else nothing is left but the last resort"))
        steps += _answer(rule.route, plan.rule_name(rule.name), first, second, label="first")
        if rule.next_route is not None and first and second:
            steps += _answer(rule.next_route, plan.rule_name(rule.name), second, "", label="second")
        name = plan.named(f"route-{place}")
        return context(name, [f"include => {plan.named('h')}"], extension("s", steps), why=rule.name)

    def _last(self) -> str:
        plan = self._plan
        steps = _answer(plan.last_resort, "", plan.destination(plan.last_resort), "", label="first")
        body = [f"include => {plan.named('h')}"]
        return context(plan.named("last"), body, extension("s", steps), why="last resort")


def _answer(route: Route, rule: str, destination: str, following: str, *, label: str) -> list[Step]:
    """Return the steps that set an answer, and go back with it."""
    about = {"FR_RULE": rule, "FR_STATUS": "degraded", "FR_DEST": destination, "FR_NEXT": following}
    pairs = [*route.functions, *route.variables, *about.items()]
    steps = [Step(f"Set({name}={value(text)})", _ABOUT.get(name, "")) for name, text in pairs if text]
    return [
        Step("NoOp()", "the route, as the rule has it", label),
        *steps,
        Step(f"Set(FR_SOURCE={SOURCE})", "last of all: from here on the answer counts"),
        Step("Return()", "back to who asked"),
    ]


def _stage_test(rule: Rule) -> str:
    tests = [f'"x${{FR_STAGE}}" = "x{stage}"' for stage in sorted(rule.stages)]
    return "" if not tests else f"({' | '.join(tests)})"


def _static_order(order: Sequence[str]) -> tuple[str, ...]:
    """Return those tiers of an order that are compiled."""
    return tuple(tier for tier in order if tier in _TIERS)
