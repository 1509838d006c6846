"""Calls on record, decided by other rules, against walking each of them anew."""

from datetime import UTC, datetime, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Outcome
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.replay import Answer, Recorded, Replay
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.core.tier import DEFAULT_ORDER, FALLBACK, LAST_RESORT, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.core.verdict import Hit, Miss, TimedOut, Unavailable, Verdict
from fallbackrouter.core.walk import Walk
from fallbackrouter.tiers.rules import RuleTier
from tests.proof.size import full_or

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LAST = Route((("app", "hangup"),))
FROM_OUTSIDE = (LIVE, REMEMBERED, SYNCED)


def _route(num: str) -> Route:
    return Route((("app", "group"), ("num", num)))


_conditions = st.sampled_from(
    [
        Condition(any=True),
        Condition(exact=frozenset({"100"})),
        Condition(exact=frozenset({"200", "300"})),
        Condition(patterns=(parse_pattern("_1XX"),)),
    ]
)
_rules = st.lists(
    st.builds(
        Rule,
        name=st.sampled_from("abcdefgh"),
        tier=st.sampled_from([OVERRIDE, FALLBACK]),
        route=st.sampled_from("1234").map(_route),
        did=_conditions,
        caller=_conditions,
        windows=st.sampled_from([(), (parse_window("09:00-11:00"),), (parse_window("*,tue"),)]),
        priority=st.integers(0, 1),
        valid_until=st.sampled_from([None, None, MONDAY, MONDAY + timedelta(hours=3)]),
        next_route=st.sampled_from([None, None, _route("9")]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda rule: (rule.tier, rule.name),
)
_verdicts = st.one_of(
    st.just(Miss()),
    st.just(Miss()),
    st.just(TimedOut()),
    st.just(Unavailable("gone")),
    st.sampled_from("567").map(_route).map(Hit),
)
_orders = st.permutations([OVERRIDE, *FROM_OUTSIDE, FALLBACK]).map(lambda order: (*order, LAST_RESORT))
_calls = st.builds(
    Call,
    did=st.sampled_from(["100", "200", "150"]).map(lambda text: read_number(text, None)),
    caller=st.sampled_from(["100", "300", ""]).map(lambda text: read_number(text, None)),
)


def _walk(
    call: Call, at: datetime, rules: list[Rule], order: tuple[str, ...], said: dict[str, Verdict]
) -> tuple[Outcome, list[str]]:
    """Walk a call over the tiers as the router does; returns which were asked too."""
    books = {tier: RuleTier(Rulebook(r for r in rules if r.tier == tier)) for tier in (OVERRIDE, FALLBACK)}
    walk, asked = Walk(Policy(order), LAST, 0.0), []
    while (ask := walk.next_step(0.0)) is not None:
        asked.append(ask.tier)
        walk.take(books[ask.tier].ask(call, at) if ask.tier in books else said[ask.tier], 0.0)
    assert walk.outcome is not None
    return walk.outcome, asked


def _answer(outcome: Outcome) -> Answer:
    second = outcome.next_route.fields if outcome.next_route is not None else None
    return Answer(outcome.source, outcome.rule, outcome.route.fields, second)


@settings(max_examples=full_or(200, full=10000), deadline=None)
@given(
    st.tuples(_calls, st.integers(0, 8).map(lambda hours: MONDAY + timedelta(hours=hours))),
    st.tuples(_rules, _rules),
    st.tuples(st.just(DEFAULT_ORDER) | _orders, st.booleans()),
    st.fixed_dictionaries(dict.fromkeys(FROM_OUTSIDE, _verdicts)),
)
def test_other_rules_decide_as_a_walk_by_them_would(
    asks: tuple[Call, datetime],
    rules: tuple[list[Rule], list[Rule]],
    policy: tuple[tuple[str, ...], bool],
    said: dict[str, Verdict],
) -> None:
    (call, at), (former, other), (order, has_crm) = asks, rules, policy
    if not has_crm:
        said = {**said, LIVE: Miss(), REMEMBERED: Miss()}
    was, _ = _walk(call, at, former, order, said)
    live_missed = any(step.tier == LIVE and isinstance(step.verdict, Miss) for step in was.steps)
    recorded = Recorded("id", at, call, _answer(was), frozenset(step.tier for step in was.steps), live_missed)
    will_be, asked = _walk(call, at, other, order, said)
    replay = Replay(
        Rulebook(rule for rule in other if rule.tier == OVERRIDE),
        Rulebook(rule for rule in other if rule.tier == FALLBACK),
        Policies(Policy(order)),
        LAST,
        has_crm=has_crm,
    )
    known = recorded.asked if has_crm else recorded.asked | {LIVE, REMEMBERED}
    unknown = [tier for tier in asked if tier in FROM_OUTSIDE and tier not in known]
    event(f"would have to be asked: {bool(unknown)}; source changes: {was.source != will_be.source}")
    assert replay.decide(recorded) == (Answer(unknown[0]) if unknown else _answer(will_be))
