"""The breaker: plain examples, a naive model that keeps all of the past, and workers that tell each other."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fallbackrouter.core.breaker import (
    BUCKETS,
    CLOSED_LEVEL,
    SLOW,
    Breaker,
    BreakerRules,
    Change,
    Failed,
    Good,
    NotCounted,
    Outcome,
    State,
    Version,
    outcome_of,
)
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, TimedOut, Unavailable, Verdict

RULES = BreakerRules()
GOOD = Good()
REFUSED = Failed("connection refused")
UNKNOWN = NotCounted()


@dataclass
class Bench:
    """A breaker with a clock; requests are asked and answered at once."""

    rules: BreakerRules = RULES
    now_s: float = 100.0
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.rules)

    def took(self, *outcomes: Outcome, asked: Version | None = None) -> list[Change]:
        changes = [self.breaker.took(each, self.now_s, asked or self.breaker.version) for each in outcomes]
        return [change for change in changes if change is not None]

    def probed(self, *outcomes: Outcome) -> list[Change]:
        """Probe, each time when it is due."""
        changes = []
        for outcome in outcomes:
            self.now_s = max(self.now_s, self.due_s)
            changes.append(self.breaker.probed(outcome, self.now_s, self.breaker.version))
        return [change for change in changes if change is not None]

    @property
    def due_s(self) -> float:
        assert self.breaker.due_probe_s is not None
        return self.breaker.due_probe_s

    @property
    def seen(self) -> tuple[State, float]:
        return self.breaker.last.state, self.breaker.last.share


def _opened(rules: BreakerRules = RULES) -> Bench:
    bench = Bench(rules)
    bench.took(*[REFUSED] * rules.in_row)
    assert bench.seen == (State.OPEN, 0.0)
    return bench


def _half_open(rules: BreakerRules = RULES) -> Bench:
    bench = _opened(rules)
    bench.probed(*[GOOD] * rules.good_probes)
    assert bench.seen == (State.HALF_OPEN, rules.steps[0])
    return bench


def test_it_starts_closed_and_asks_for_every_call() -> None:
    breaker = Breaker(RULES)
    assert breaker.last == Change(State.CLOSED, 1.0, "started", Version(0, CLOSED_LEVEL))
    assert breaker.due_probe_s is None
    assert breaker.allows(0.0)
    assert breaker.allows(math.nextafter(1.0, 0.0))


def test_failures_in_a_row_open_it_and_no_call_asks() -> None:
    bench = Bench()
    assert bench.took(REFUSED, REFUSED, REFUSED, REFUSED) == []
    (change,) = bench.took(SLOW)
    reason = "5 requests in a row failed; the last: no answer within live_ms"
    assert change == Change(State.OPEN, 0.0, reason, Version(1, 0))
    assert not bench.breaker.allows(0.0)
    assert bench.due_s == bench.now_s + RULES.probe_s


def test_a_good_answer_ends_a_row_and_what_tells_nothing_does_not() -> None:
    bench = Bench()
    assert bench.took(*[REFUSED] * 4, GOOD, *[REFUSED] * 4, UNKNOWN) == []
    assert bench.took(REFUSED) != []


def test_a_row_counts_however_far_apart_its_calls_are() -> None:
    bench = Bench()
    for _ in range(4):
        assert bench.took(REFUSED) == []
        bench.now_s += 3600
    assert len(bench.took(REFUSED)) == 1


def test_a_share_of_failures_in_the_window_opens_it() -> None:
    bench = Bench()
    outcomes: list[Outcome] = [REFUSED, GOOD]
    assert bench.took(*outcomes * 9, REFUSED, GOOD) == []
    (change,) = bench.took(REFUSED)
    assert change.reason == "11 of 21 requests within 10 s failed; the last: connection refused"


def test_a_smaller_share_leaves_it_closed() -> None:
    bench = Bench()
    outcomes: list[Outcome] = [GOOD, GOOD, REFUSED]
    assert bench.took(*outcomes * 100) == []


@given(gap=st.floats(0, 30), start=st.floats(0, 1e6))
def test_the_window_forgets_between_nine_tenths_and_the_whole_of_its_time(gap: float, start: float) -> None:
    bench = Bench(replace(RULES, in_row=99, window_requests=2), now_s=start)
    bench.took(REFUSED)
    bench.now_s += gap
    opened = bench.took(REFUSED) != []
    if gap < 8.99:
        assert opened
    if gap > 10.01:
        assert not opened


def test_what_it_keeps_does_not_grow() -> None:
    bench = Bench()
    for _ in range(2000):
        bench.took(GOOD, GOOD, REFUSED)
        bench.now_s += 0.37
    assert bench.seen == (State.CLOSED, 1.0)
    assert len(bench.breaker._window._ring) == BUCKETS


def test_probes_in_a_row_move_it_to_half_open() -> None:
    bench = _opened()
    assert bench.probed(GOOD, REFUSED, GOOD, UNKNOWN, GOOD) == []
    assert bench.probed(GOOD) == [Change(State.HALF_OPEN, 0.01, "our probes are answered", Version(1, 1))]
    assert bench.breaker.allows(0.0099)
    assert not bench.breaker.allows(0.01)


def test_pauses_grow_to_their_cap_and_a_good_probe_is_soon_followed() -> None:
    bench = _opened()
    pauses = []
    for outcome in (REFUSED, REFUSED, REFUSED, REFUSED, UNKNOWN, GOOD, SLOW):
        bench.probed(outcome)
        pauses.append(bench.due_s - bench.now_s)
    assert pauses == [1.0, 2.0, 3.0, 3.0, 3.0, 0.5, 3.0]


def test_answers_while_open_change_nothing() -> None:
    bench = _opened()
    due_s = bench.due_s
    assert bench.took(*[GOOD] * 100, REFUSED) == []
    assert (bench.seen, bench.due_s) == ((State.OPEN, 0.0), due_s)


def test_good_answers_walk_it_up_the_steps_until_it_is_closed() -> None:
    bench = _half_open()
    shares = []
    for _ in range(4):
        assert bench.took(*[GOOD] * 50) == []
        bench.now_s += RULES.step_s
        shares += [(change.state, change.share, change.reason) for change in bench.took(GOOD)]
    assert shares == [
        (State.HALF_OPEN, 0.1, "the CRM answers"),
        (State.HALF_OPEN, 0.5, "the CRM answers"),
        (State.HALF_OPEN, 1.0, "the CRM answers"),
        (State.CLOSED, 1.0, "the CRM answers"),
    ]
    assert bench.breaker.due_probe_s is None


def test_a_step_needs_its_number_of_good_answers() -> None:
    bench = _half_open(replace(RULES, step_good=3))
    bench.now_s += 60
    assert bench.took(GOOD, UNKNOWN, GOOD, UNKNOWN) == []
    assert len(bench.took(GOOD)) == 1


def test_good_answers_of_calls_put_off_the_probe() -> None:
    bench = _half_open()
    bench.now_s += 0.3
    bench.took(GOOD)
    assert bench.due_s == bench.now_s + RULES.probe_s


def test_without_calls_probes_alone_close_it_within_ten_seconds_of_the_end_of_a_fault() -> None:
    bench = _opened()
    bench.probed(*[REFUSED] * 20)
    fault_ended_s = bench.now_s
    while bench.breaker.last.state is not State.CLOSED:
        bench.probed(GOOD)
    assert bench.now_s - fault_ended_s < 10


def test_a_probe_that_tells_nothing_is_sent_again_while_half_open() -> None:
    bench = _half_open()
    assert bench.probed(UNKNOWN) == []
    assert bench.due_s == bench.now_s + RULES.probe_s


@pytest.mark.parametrize("by_probe", [True, False])
def test_a_failure_while_half_open_opens_it_at_once_with_a_longer_pause(by_probe: bool) -> None:
    bench = _half_open()
    (change,) = bench.probed(REFUSED) if by_probe else bench.took(REFUSED)
    assert change == Change(State.OPEN, 0.0, "failed again: connection refused", Version(2, 0))
    assert bench.due_s == bench.now_s + 1.0


def test_once_closed_it_forgets_the_row_and_the_long_pauses() -> None:
    bench = _half_open()
    bench.took(REFUSED)
    while bench.breaker.last.state is not State.CLOSED:
        bench.probed(GOOD)
    assert bench.took(*[REFUSED] * 4) == []
    assert len(bench.took(REFUSED)) == 1
    assert bench.due_s == bench.now_s + RULES.probe_s


def test_what_was_asked_before_it_opened_is_ignored() -> None:
    bench = Bench()
    asked = bench.breaker.version
    bench.took(*[REFUSED] * 5)
    bench.probed(GOOD, GOOD)
    bench.now_s += 60
    assert bench.took(GOOD, REFUSED, SLOW, asked=asked) == []
    assert bench.breaker.probed(REFUSED, bench.now_s, asked) is None
    assert bench.seen == (State.HALF_OPEN, 0.01)


def test_of_an_earlier_step_good_answers_are_ignored_and_failures_are_not() -> None:
    bench = _half_open()
    asked = bench.breaker.version
    bench.now_s += 60
    assert len(bench.took(GOOD)) == 1
    bench.now_s += 60
    assert bench.took(GOOD, asked=asked) == []
    assert len(bench.took(SLOW, asked=asked)) == 1


def test_while_closed_probes_tell_nothing() -> None:
    bench = Bench()
    changes = [bench.breaker.probed(REFUSED, bench.now_s, bench.breaker.version) for _ in range(50)]
    assert changes == [None] * 50
    assert bench.breaker.due_probe_s is None


def test_a_newer_state_of_another_worker_is_adopted_once() -> None:
    bench = Bench()
    change = bench.breaker.adopt(Version(1, 0), "5 requests in a row failed", bench.now_s)
    assert change == Change(State.OPEN, 0.0, "5 requests in a row failed", Version(1, 0))
    due_s, bench.now_s = bench.due_s, bench.now_s + 1
    for version in (Version(1, 0), Version(0, CLOSED_LEVEL), Version(0, 3)):
        assert bench.breaker.adopt(version, "late news", bench.now_s) is None
    assert (bench.breaker.last, bench.due_s) == (change, due_s)


def test_an_opening_that_it_missed_is_adopted_in_silence() -> None:
    bench = Bench()
    asked = bench.breaker.version
    assert bench.breaker.adopt(Version(3, CLOSED_LEVEL), "the CRM answers", bench.now_s) is None
    assert bench.breaker.version == Version(3, CLOSED_LEVEL)
    assert bench.took(*[REFUSED] * 5, asked=asked) == []


def test_news_that_skip_states_leave_no_long_pause_behind() -> None:
    bench = _opened()
    bench.probed(REFUSED, REFUSED)
    bench.breaker.adopt(Version(1, CLOSED_LEVEL), "the CRM answers", bench.now_s)
    bench.breaker.adopt(Version(2, 1), "our probes are answered", bench.now_s)
    bench.took(REFUSED)
    assert bench.due_s == bench.now_s + 1.0


def test_a_step_that_its_rules_do_not_know_is_the_last_one() -> None:
    bench = Bench()
    bench.breaker.adopt(Version(1, 7), "the CRM answers", bench.now_s)
    assert bench.seen == (State.HALF_OPEN, 1.0)
    bench.now_s += RULES.step_s
    assert bench.took(GOOD) == [Change(State.CLOSED, 1.0, "the CRM answers", Version(1, CLOSED_LEVEL))]


def test_a_failure_wins_over_steps_up_that_another_worker_makes_meanwhile() -> None:
    hasty, sober = _half_open(), _half_open()
    for _ in range(3):
        hasty.now_s += 60
        hasty.took(GOOD)
    (change,) = sober.took(REFUSED)
    assert sober.breaker.adopt(hasty.breaker.version, hasty.breaker.last.reason, sober.now_s) is None
    assert hasty.breaker.adopt(change.version, change.reason, hasty.now_s) == change


@pytest.mark.parametrize(
    ("verdict", "past_live_ms", "outcome"),
    [
        (Hit(Route((("app", "hangup"),))), False, GOOD),
        (Hit(Route((("app", "hangup"),))), True, SLOW),
        (Miss("404"), False, GOOD),
        (Miss("404"), True, SLOW),
        (TimedOut("no answer within 80 ms"), False, UNKNOWN),
        (TimedOut("no answer within 300 ms"), True, SLOW),
        (Unavailable("the CRM refused our token (401)"), False, Failed("the CRM refused our token (401)")),
        (Invalid("the answer is not JSON"), True, Failed("the answer is not JSON")),
        (Skipped("no address yet"), False, UNKNOWN),
        (Skipped("no address yet"), True, UNKNOWN),
    ],
)
def test_what_a_verdict_tells(verdict: Verdict, past_live_ms: bool, outcome: Outcome) -> None:
    assert outcome_of(verdict, past_live_ms=past_live_ms) == outcome


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": ()},
        {"steps": (0.0, 1.0)},
        {"steps": (0.1, 0.5)},
        {"steps": (0.5, 0.1, 1.0)},
        {"steps": (0.5, 0.5, 1.0)},
        {"in_row": 0},
        {"window_requests": 0},
        {"good_probes": 0},
        {"step_good": 0},
        {"window_s": 0.0},
        {"step_s": 0.0},
        {"probe_s": 0.0},
        {"probe_cap_s": 0.4},
        {"failure_share": 0.0},
        {"failure_share": 1.1},
        {"probe_growth": 0.9},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"have to|start at 1|at most 1"):
        BreakerRules(**wrong)


# --- a naive model, which keeps everything that happened ------------------------------------------------------------

SMALL = BreakerRules(in_row=3, window_s=4.0, window_requests=4, steps=(0.25, 1.0))
ALL_RULES = st.sampled_from(
    [
        SMALL,
        replace(SMALL, in_row=100, failure_share=0.4, good_probes=1),
        replace(SMALL, step_good=2, good_probes=3, steps=(1.0,)),
        replace(SMALL, in_row=1, steps=(0.25, 0.5, 0.75, 1.0)),
        replace(SMALL, window_requests=1000, step_s=0.25, probe_growth=1.0),
    ]
)
OUTCOMES = st.sampled_from([GOOD, GOOD, REFUSED, REFUSED, SLOW, UNKNOWN])
GAPS_S = st.sampled_from([0.0, 0.0, 0.125, 0.25, 0.5, 1.0, 3.5, 4.0, 1e6])


@dataclass
class Model:
    """Every outcome since the state or step began; each question about it is answered by looking at all of them."""

    rules: BreakerRules
    opened: int = 0
    step: int | None = None  # None is closed, -1 is open
    began_s: float = 0.0
    calls: list[tuple[float, bool]] = field(default_factory=list)
    probes: list[Outcome] = field(default_factory=list)
    failures_since_closed: int = 0
    due_s: float | None = None

    @property
    def version(self) -> Version:
        return Version(self.opened, CLOSED_LEVEL if self.step is None else self.step + 1)

    @property
    def seen(self) -> tuple[State, float]:
        if self.step is None:
            return State.CLOSED, 1.0
        return (State.OPEN, 0.0) if self.step < 0 else (State.HALF_OPEN, self.rules.steps[self.step])

    def begin(self, step: int | None, now_s: float) -> None:
        if step is None or self.step is None:
            self.failures_since_closed = 0
        elif step < 0:
            self.failures_since_closed += 1
        self.step, self.began_s, self.calls, self.probes = step, now_s, [], []
        self.due_s = None if step is None else now_s + (self.pause_s() if step < 0 else self.rules.probe_s)

    def pause_s(self) -> float:
        growth = min(self.rules.probe_growth**self.failures_since_closed, 1e9)
        return min(self.rules.probe_s * growth, self.rules.probe_cap_s)

    def open(self, now_s: float) -> None:
        self.opened += 1
        self.begin(-1, now_s)

    def took(self, outcome: Outcome, now_s: float, asked: Version) -> None:
        if outcome == UNKNOWN or asked.opened != self.opened or self.step == -1:
            return
        if self.step is not None:
            self.weigh(outcome, now_s, asked)
            return
        self.calls.append((now_s, outcome != GOOD))
        if outcome != GOOD and (self.row() or self.share(now_s)):
            self.open(now_s)

    def row(self) -> bool:
        tail = [failed for _, failed in self.calls[-self.rules.in_row :]]
        return len(tail) == self.rules.in_row and all(tail)

    def share(self, now_s: float) -> bool:
        bucket_s = self.rules.window_s / BUCKETS
        young = [failed for at_s, failed in self.calls if now_s // bucket_s - at_s // bucket_s < BUCKETS]
        return len(young) >= self.rules.window_requests and sum(young) / len(young) >= self.rules.failure_share

    def weigh(self, outcome: Outcome, now_s: float, asked: Version) -> None:
        if outcome != GOOD:
            self.open(now_s)
        elif asked == self.version:
            assert self.step is not None
            self.calls.append((now_s, False))
            self.due_s = now_s + self.rules.probe_s
            if len(self.calls) >= self.rules.step_good and now_s >= self.began_s + self.rules.step_s:
                self.begin(self.step + 1 if self.step + 1 < len(self.rules.steps) else None, now_s)

    def probed(self, outcome: Outcome, now_s: float, asked: Version) -> None:
        if asked.opened != self.opened or self.step is None:
            return
        if self.step == -1:
            self.listen(outcome, now_s)
            return
        self.due_s = now_s + self.rules.probe_s
        if outcome != UNKNOWN:
            self.weigh(outcome, now_s, asked)

    def listen(self, outcome: Outcome, now_s: float) -> None:
        self.probes.append(outcome)
        if self.probes[-self.rules.good_probes :] == [GOOD] * self.rules.good_probes:
            self.begin(0, now_s)
            return
        self.failures_since_closed += outcome not in {GOOD, UNKNOWN}
        self.due_s = now_s + (self.rules.probe_s if outcome == GOOD else self.pause_s())


class AgainstTheModel(RuleBasedStateMachine):
    """Whatever happens in whatever order, the breaker is where the model is."""

    @initialize(rules=ALL_RULES)
    def begin(self, rules: BreakerRules) -> None:
        self.meant = rules
        self.breaker = Breaker(rules)
        self.model = Model(rules)
        self.now_s = self.happened_s = 0.0
        self.versions = [self.breaker.version]
        self.was = self.breaker.last

    @rule(gap_s=GAPS_S)
    def wait(self, gap_s: float) -> None:
        self.now_s += gap_s

    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=4), back=st.integers(0, 3))
    def calls_end(self, outcomes: list[Outcome], back: int) -> None:
        asked = self.versions[-1 - min(back, len(self.versions) - 1)]
        for outcome in outcomes:
            change = self.breaker.took(outcome, self.now_s, asked)
            self.model.took(outcome, self.now_s, asked)
            self.happened(change)

    @rule(outcome=OUTCOMES, gap_s=GAPS_S)
    def call_asks_and_ends(self, outcome: Outcome, gap_s: float) -> None:
        asked = self.breaker.version
        self.now_s += gap_s
        self.model.took(outcome, self.now_s, asked)
        self.happened(self.breaker.took(outcome, self.now_s, asked))

    @rule(outcome=OUTCOMES, back=st.sampled_from([0, 0, 0, 1]), when_due=st.booleans())
    def probe_ends(self, outcome: Outcome, back: int, when_due: bool) -> None:
        if when_due and self.breaker.due_probe_s is not None:
            self.now_s = max(self.now_s, self.breaker.due_probe_s)
        asked = self.versions[-1 - min(back, len(self.versions) - 1)]
        self.model.probed(outcome, self.now_s, asked)
        self.happened(self.breaker.probed(outcome, self.now_s, asked))

    @rule(later=st.integers(-1, 2), step=st.integers(0, 4))
    def hear_of_another_worker(self, later: int, step: int) -> None:
        steps = len(self.meant.steps)
        version = Version(self.breaker.version.opened + later, step if step <= steps else CLOSED_LEVEL)
        if version > self.model.version:
            self.model.opened = version.opened
            self.model.begin(None if version.level == CLOSED_LEVEL else version.level - 1, self.now_s)
        self.happened(self.breaker.adopt(version, "heard", self.now_s))
        assert self.breaker.adopt(version, "heard", self.now_s) is None

    def happened(self, change: Change | None) -> None:
        """Check what came back; a change is told exactly where calls are treated otherwise."""
        was, self.was, self.happened_s = self.was, self.breaker.last, self.now_s
        told = (self.was.state, self.was.share) != (was.state, was.share)
        assert change == (self.was if told else None)
        assert self.was.version >= was.version
        if self.was.version != was.version:
            self.versions.append(self.was.version)

    @invariant()
    def it_is_where_the_model_is(self) -> None:
        last = self.breaker.last
        assert (last.state, last.share) == self.model.seen
        assert (last.version, self.breaker.due_probe_s) == (self.model.version, self.model.due_s)
        for chance in (0.0, 0.25, 0.6, 0.99):
            assert self.breaker.allows(chance) == (chance < last.share)

    @invariant()
    def a_probe_is_due_unless_it_is_closed(self) -> None:
        due_s = self.breaker.due_probe_s
        assert (due_s is None) == (self.breaker.last.state is State.CLOSED)
        assert due_s is None or due_s <= self.happened_s + self.meant.probe_cap_s

    def teardown(self) -> None:
        """Once the CRM answers, good probes alone close it, in bounded time."""
        if not hasattr(self, "breaker"):
            return
        rules, begun_s = self.meant, self.now_s
        while self.breaker.due_probe_s is not None:
            self.now_s = max(self.now_s, self.breaker.due_probe_s)
            self.breaker.probed(GOOD, self.now_s, self.breaker.version)
            step_s = max(rules.step_s, rules.step_good * rules.probe_s) + rules.probe_s
            longest_s = rules.probe_cap_s + rules.good_probes * rules.probe_s + len(rules.steps) * step_s
            assert self.now_s - begun_s <= longest_s


AgainstTheModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAgainstTheModel = AgainstTheModel.TestCase


# --- workers that tell each other -------------------------------------------------------------------------------------


class Workers(RuleBasedStateMachine):
    """News go lost, come twice and in any order; once all have heard all, all are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = [Breaker(SMALL) for _ in range(3)]
        self.news: list[Change] = []
        self.now_s = 0.0

    @rule(who=st.integers(0, 2), outcome=OUTCOMES, times=st.integers(1, 4), gap_s=GAPS_S)
    def calls_end(self, who: int, outcome: Outcome, times: int, gap_s: float) -> None:
        self.now_s += gap_s
        breaker = self.workers[who]
        for _ in range(times):
            self.tell(breaker.took(outcome, self.now_s, breaker.version))

    @rule(who=st.integers(0, 2), outcome=OUTCOMES)
    def probe_ends(self, who: int, outcome: Outcome) -> None:
        breaker = self.workers[who]
        self.now_s = max(self.now_s, breaker.due_probe_s or 0.0)
        self.tell(breaker.probed(outcome, self.now_s, breaker.version))

    @rule(who=st.integers(0, 2), which=st.integers(0, 50))
    def hear(self, who: int, which: int) -> None:
        if self.news:
            news = self.news[which % len(self.news)]
            self.workers[who].adopt(news.version, news.reason, self.now_s)

    @rule()
    def all_hear_all(self) -> None:
        lasts = [breaker.last for breaker in self.workers]
        for breaker in self.workers:
            for last in lasts:
                breaker.adopt(last.version, last.reason, self.now_s)
        ends = {(each.last.version, each.last.state, each.last.share) for each in self.workers}
        assert ends == {max((last.version, last.state, last.share) for last in lasts)}

    def tell(self, change: Change | None) -> None:
        if change is not None:
            self.news.append(change)


Workers.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWorkers = Workers.TestCase
