"""What is counted of decisions, and that tallies of several processes add up."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.decision import DEGRADED, OK, Decision, Step, Times
from fallbackrouter.core.tally import BOUNDS_MS, Tally
from fallbackrouter.core.tally_sum import added
from fallbackrouter.core.verdict import Hit, Miss, TimedOut
from tests.fakes.calls import call, route

NUMBERS = st.integers(0, 10**9)
TOLD = st.fixed_dictionaries(
    {"decisions": st.dictionaries(st.sampled_from(("live ok", "synced degraded")), NUMBERS), "late": NUMBERS},
    optional={"answer": st.fixed_dictionaries({"counts": st.lists(NUMBERS, min_size=3, max_size=3)})},
)


def decision(
    source: str = "fallback", status: str = DEGRADED, live_ms: float | None = 300.0, *, test: bool = False
) -> Decision:
    steps = (Step("live", TimedOut(), 300.0), Step("remembered", Miss(), 0.1), Step("fallback", Hit(route()), 0.1))
    asked = call(test=test)
    times = Times(live=live_ms)
    return Decision("id", datetime(2026, 1, 1, tzinfo=UTC), "n", asked, route(), source, "r", status, steps, times)


def test_a_decision_counts_by_tier_and_status_and_so_does_what_each_tier_said() -> None:
    tally = Tally()
    tally.took(decision(), recorded=True)
    tally.took(decision(), recorded=False)
    tally.took(decision("live", OK, 42.0), recorded=True)
    told = tally.told()
    assert told["decisions"] == {"fallback degraded": 1, "fallback unrecorded": 1, "live ok": 1}
    assert told["outcomes"] == {"live timed_out": 3, "remembered miss": 3, "fallback hit": 3}
    assert (sum(told["crm"]["counts"]), told["crm"]["sum_ms"]) == (3, 642.0)


def test_a_crm_that_was_not_asked_took_no_time() -> None:
    tally = Tally()
    tally.took(decision(live_ms=None), recorded=True)
    assert sum(tally.told()["crm"]["counts"]) == 0


def test_an_answer_stands_in_the_bucket_of_its_time_a_bound_included() -> None:
    tally = Tally()
    for ms in (0.2, 1.0, 400.0, 400.1, 99_999.0):
        tally.left(decision(), ms, call_ms=400.0)
    told = tally.told()
    counts = dict(zip((*BOUNDS_MS, "more"), told["answer"]["counts"], strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {1: 2, 400: 1, 450: 1, "more": 1}
    assert told["late"] == 2


def test_questions_of_our_own_count_in_nothing() -> None:
    tally = Tally()
    tally.took(decision(test=True), recorded=True)
    tally.left(decision(test=True), 999.0, call_ms=1.0)
    assert tally.told() == Tally().told()


@given(TOLD, TOLD, TOLD)
def test_sums_do_not_depend_on_who_ended_first(one: object, two: object, three: object) -> None:
    assert added(added(one, two), three) == added(one, added(two, three))
    assert added({}, one) == one == added(one, {})


@given(TOLD, TOLD)
def test_no_number_goes_down(one: dict[str, dict[str, int]], two: dict[str, dict[str, int]]) -> None:
    total = added(one, two)
    assert all(total["decisions"][name] >= count for name, count in one["decisions"].items())


def test_a_tally_is_json() -> None:
    tally = Tally()
    tally.took(decision(), recorded=True)
    assert json.loads(json.dumps(tally.told())) == tally.told()


def test_what_is_of_another_kind_spoils_nothing() -> None:
    assert added({"late": 3}, {"late": "many"}) == {"late": 3}
    assert added([1, 2], [1, 2, 3]) == [1, 2]
