"""The walk over the tiers, driven with random orders, verdicts and times."""

from dataclasses import dataclass, field

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fallbackrouter.core.deadline import Deadline
from fallbackrouter.core.decision import DEGRADED, OK, Outcome
from fallbackrouter.core.policy import Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.tier import DEFAULT_ORDER, FALLBACK, LAST_RESORT, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, TimedOut, Unavailable, Verdict, reason_of
from fallbackrouter.core.walk import MIN_LIVE_S, Ask, Walk

LAST = Route((("app", "hangup"),))
GROUP = Route((("app", "group"), ("num", "62")))
START_S = 1000.0


@dataclass
class Driver:
    """Answers each question as it is told to, and lets time pass."""

    walk: Walk
    verdicts: dict[str, Verdict]
    takes_s: dict[str, float] = field(default_factory=dict)
    now_s: float = START_S
    asked: list[Ask] = field(default_factory=list)
    asked_at_s: list[float] = field(default_factory=list)

    def drive(self) -> Outcome:
        while (ask := self.walk.next_step(self.now_s)) is not None:
            assert self.walk.outcome is None
            self.asked.append(ask)
            self.asked_at_s.append(self.now_s)
            self.now_s += self.takes_s.get(ask.tier, 0.0)
            self.walk.take(self.verdicts.get(ask.tier, Miss()), self.now_s)
        assert self.walk.outcome is not None
        return self.walk.outcome

    @property
    def tiers(self) -> list[str]:
        return [ask.tier for ask in self.asked]


def _driver(
    policy: Policy | None = None, *, fresh: bool = False, live_refused: str = "", **verdicts: Verdict
) -> Driver:
    walk = Walk(policy or Policy(), LAST, START_S, fresh=fresh, live_refused=live_refused)
    return Driver(walk, verdicts)


def test_the_first_hit_ends_the_walk() -> None:
    driver = _driver(live=Hit(GROUP, rule="x"))
    outcome = driver.drive()
    assert driver.tiers == [OVERRIDE, LIVE]
    assert (outcome.route, outcome.source, outcome.rule, outcome.status) == (GROUP, LIVE, "x", OK)
    assert driver.walk.next_step(driver.now_s) is None


def test_nobody_knows_so_the_last_resort_answers() -> None:
    outcome = _driver().drive()
    assert (outcome.route, outcome.source, outcome.rule, outcome.status) == (LAST, LAST_RESORT, "", OK)
    assert [step.tier for step in outcome.steps] == list(DEFAULT_ORDER)


@pytest.mark.parametrize("verdict", [TimedOut(), Unavailable("down"), Invalid("no app"), Skipped("breaker open")])
def test_without_an_answer_of_the_live_crm_the_call_is_degraded(verdict: Verdict) -> None:
    driver = _driver(live=verdict, remembered=Hit(GROUP))
    outcome = driver.drive()
    assert (outcome.source, outcome.status) == (REMEMBERED, DEGRADED)


def test_a_live_miss_is_an_answer_and_skips_what_is_remembered() -> None:
    driver = _driver(live=Miss(), remembered=Hit(GROUP))
    outcome = driver.drive()
    assert driver.tiers == [OVERRIDE, LIVE, SYNCED, FALLBACK]
    assert (outcome.source, outcome.status) == (LAST_RESORT, OK)
    assert "knows no route" in reason_of(outcome.steps[2].verdict)


def test_remembered_before_live_is_asked() -> None:
    driver = _driver(Policy(order=(REMEMBERED, LIVE, LAST_RESORT)), remembered=Hit(GROUP))
    assert (driver.drive().source, driver.tiers) == (REMEMBERED, [REMEMBERED])


def test_a_refused_live_tier_is_noted_and_not_asked() -> None:
    driver = _driver(live_refused="too many calls", fallback=Hit(GROUP, rule="r"))
    outcome = driver.drive()
    assert LIVE not in driver.tiers
    assert (outcome.source, outcome.rule, outcome.status) == (FALLBACK, "r", DEGRADED)
    assert outcome.steps[1].verdict == Skipped("too many calls")


def test_a_fresh_answer_at_hand_shortens_the_wait() -> None:
    driver = _driver(Policy(live_ms=300, fresh_ms=80), fresh=True)
    driver.drive()
    assert driver.asked[1] == Ask(LIVE, within_s=0.08, lasts_s=0.3)


def test_a_fresh_answer_that_will_not_be_asked_after_live_shortens_nothing() -> None:
    for order in ((REMEMBERED, LIVE), (LIVE, FALLBACK)):
        driver = _driver(Policy(order=order, live_ms=300, fresh_ms=80), fresh=True)
        driver.drive()
        assert Ask(LIVE, within_s=0.3, lasts_s=0.3) in driver.asked


def test_fresh_ms_never_lengthens_the_wait() -> None:
    driver = _driver(Policy(live_ms=50, fresh_ms=80), fresh=True)
    driver.drive()
    assert driver.asked[1] == Ask(LIVE, within_s=0.05, lasts_s=0.05)


def test_the_times_of_the_steps_are_the_tiers_own() -> None:
    driver = _driver(live=TimedOut(), fallback=Hit(GROUP))
    driver.takes_s = {LIVE: 0.25, FALLBACK: 0.001}
    steps = driver.drive().steps
    assert [step.tier for step in steps] == [OVERRIDE, LIVE, REMEMBERED, SYNCED, FALLBACK]
    assert [step.ms for step in steps] == pytest.approx([0, 250, 0, 0, 1])


def test_what_is_kept_back_for_the_record_is_not_the_live_crms() -> None:
    walk = Walk(Policy(order=(LIVE,), call_ms=100, live_ms=300), LAST, START_S, reserve_ms=30)
    ask = walk.next_step(START_S)
    assert ask is not None
    assert [ask.within_s, ask.lasts_s] == pytest.approx([0.07, 0.07])


def test_a_clock_that_steps_back_makes_no_negative_time() -> None:
    walk = Walk(Policy(), LAST, START_S)
    walk.next_step(START_S)
    walk.take(Hit(GROUP), START_S - 5)
    assert walk.outcome is not None
    assert walk.outcome.steps[0].ms == 0


def test_whoever_drives_it_wrongly_is_told_so() -> None:
    walk = Walk(Policy(), LAST, START_S)
    with pytest.raises(RuntimeError, match="without a question"):
        walk.take(Miss(), START_S)
    walk.next_step(START_S)
    with pytest.raises(RuntimeError, match="override was asked"):
        walk.next_step(START_S)
    walk.take(Hit(GROUP), START_S)
    with pytest.raises(RuntimeError, match="without a question"):
        walk.take(Miss(), START_S)


def test_a_deadline_is_never_below_nothing() -> None:
    deadline = Deadline.after(START_S, 400)
    assert deadline.left_s(START_S) == pytest.approx(0.4)
    assert deadline.left_s(START_S + 1) == 0


_verdicts = st.one_of(
    st.just(Hit(GROUP, rule="r")),
    st.just(Miss()),
    st.just(TimedOut("slow")),
    st.builds(Unavailable, st.just("down")),
    st.builds(Invalid, st.just("no app")),
    st.builds(Skipped, st.just("breaker open")),
)
_misses: st.SearchStrategy[Verdict] = st.sampled_from([Miss(), Unavailable("empty"), Skipped("stale")])
_ms = st.one_of(st.sampled_from([400.0, 300.0, 80.0, 1.0, 0.0]), st.floats(50, 1000))


@st.composite
def _drivers(draw: st.DrawFn) -> tuple[Driver, Policy]:
    order = draw(st.one_of(st.just(DEFAULT_ORDER), st.permutations(DEFAULT_ORDER)))
    kept = tuple(order[draw(st.integers(0, 2)) :])
    policy = Policy(order=kept, call_ms=draw(_ms), live_ms=draw(_ms), fresh_ms=draw(_ms))
    refused = draw(st.sampled_from(["", "", "", "", "", "too many calls"]))
    walk = Walk(
        policy,
        LAST,
        START_S,
        reserve_ms=draw(st.sampled_from([0.0, 20.0])),
        fresh=draw(st.booleans()),
        live_refused=refused,
    )
    verdicts: dict[str, Verdict] = dict(
        zip(DEFAULT_ORDER, draw(st.lists(_misses, min_size=6, max_size=6)), strict=True)
    )
    verdicts |= draw(st.dictionaries(st.sampled_from(DEFAULT_ORDER), _verdicts, max_size=3))
    verdicts[LIVE] = draw(_verdicts)
    takes_s = draw(st.dictionaries(st.sampled_from(DEFAULT_ORDER), st.floats(0, 0.2), max_size=2))
    return Driver(walk, verdicts, takes_s), policy


@given(_drivers())
def test_whatever_happens_there_is_exactly_one_outcome(driven: tuple[Driver, Policy]) -> None:
    driver, policy = driven
    outcome = driver.drive()
    event(f"source: {outcome.source}")
    assert driver.walk.outcome is outcome
    *others, last = outcome.steps
    assert isinstance(last.verdict, Hit)
    assert not any(isinstance(step.verdict, Hit) for step in others)
    assert (outcome.source, outcome.route, outcome.rule) == (last.tier, last.verdict.route, last.verdict.rule)
    order = [*(tier for tier in policy.order if tier != LAST_RESORT), LAST_RESORT]
    assert [step.tier for step in outcome.steps] == order[: len(outcome.steps)]
    assert LAST_RESORT not in driver.tiers


@given(_drivers())
def test_only_live_is_subject_to_the_deadline(driven: tuple[Driver, Policy]) -> None:
    driver, policy = driven
    outcome = driver.drive()
    for ask, at_s in zip(driver.asked, driver.asked_at_s, strict=True):
        if ask.tier == LIVE:
            event("live was asked")
            assert 0 <= ask.within_s <= ask.lasts_s <= policy.live_ms / 1000
            assert ask.lasts_s >= MIN_LIVE_S
            assert at_s + ask.lasts_s <= START_S + policy.call_ms / 1000 + 1e-9
        else:
            assert ask == Ask(ask.tier)
    skipped = {step.tier for step in outcome.steps} - {*driver.tiers, LAST_RESORT}
    assert skipped <= {LIVE, REMEMBERED}


@given(_drivers())
def test_remembered_is_skipped_after_a_live_miss_and_only_then(driven: tuple[Driver, Policy]) -> None:
    driver, _ = driven
    outcome = driver.drive()
    tiers = [step.tier for step in outcome.steps]
    if REMEMBERED not in tiers:
        return
    before = {step.tier: step.verdict for step in outcome.steps[: tiers.index(REMEMBERED)]}
    missed = isinstance(before.get(LIVE), Miss)
    event(f"live missed before: {missed}")
    assert (REMEMBERED in driver.tiers) is not missed


@given(_drivers())
def test_degraded_means_that_live_was_wanted_and_gave_no_answer(driven: tuple[Driver, Policy]) -> None:
    driver, _ = driven
    outcome = driver.drive()
    live = next((step.verdict for step in outcome.steps if step.tier == LIVE), Miss())
    event(f"status: {outcome.status}")
    assert outcome.status == (OK if isinstance(live, Hit | Miss) else DEGRADED)
