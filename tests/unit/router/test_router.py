"""The router: one decision for every question, whatever its tiers and its journal do."""

import asyncio
from datetime import datetime

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import DEGRADED, OK, Decision, Event, Times
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.tier import DEFAULT_ORDER, LIVE
from fallbackrouter.core.verdict import Hit, Miss, Skipped, TimedOut, Unavailable, Verdict
from fallbackrouter.router import Router
from fallbackrouter.tiers.live import LiveAnswer
from tests.fakes.calls import call, route

pytestmark = pytest.mark.anyio

LAST = route("group", "100")


class Says:
    """An instant tier that says one thing."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def ask(self, call: Call, at: datetime) -> Verdict:
        return self.verdict

    def is_fresh(self, call: Call, at: datetime) -> bool:
        return False


class Breaks:
    def ask(self, call: Call, at: datetime) -> Verdict:
        raise ZeroDivisionError


class Crm:
    def __init__(self, verdict: Verdict | None) -> None:
        self.verdict = verdict
        self.within_s: list[float] = []

    async def ask(self, call: Call, decision_id: str, within_s: float, lasts_s: float) -> LiveAnswer:
        self.within_s.append(within_s)
        if self.verdict is None:
            raise ZeroDivisionError
        return LiveAnswer(self.verdict, 1.0, 2.0)


class Journal:
    """Commits at once, never, or when told to."""

    def __init__(self, *, commits: bool = True) -> None:
        self.commits = commits
        self.decisions: list[Decision] = []
        self.events: list[Event] = []
        self.times: list[tuple[str, Times, float]] = []
        self.futures: list[asyncio.Future[bool]] = []

    def _future(self) -> asyncio.Future[bool]:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.commits:
            future.set_result(True)
        self.futures.append(future)
        return future

    def record_decision(self, decision: Decision) -> asyncio.Future[bool]:
        self.decisions.append(decision)
        return self._future()

    def record_event(self, event: Event) -> asyncio.Future[bool]:
        self.events.append(event)
        return self._future()

    def record_times(self, decision_id: str, times: Times, ms: float) -> None:
        self.times.append((decision_id, times, ms))


def router(journal: Journal, live: Crm | None = None, **tiers: object) -> Router:
    silent = Says(Miss())
    instant = {"override": silent, "remembered": silent, "synced": silent, "fallback": silent, **tiers}
    order = tuple(tier for tier in DEFAULT_ORDER if live is not None or tier != LIVE)
    return Router(
        instant=instant,  # type: ignore[arg-type]
        live=live,
        memory=silent,
        policies=Policies(Policy(order=order)),
        last_resort=LAST,
        journal=journal,
        clock=SystemClock(),
        node="here",
        journal_ms=20,
        event_ms=50,
    )


def now_s() -> float:
    return SystemClock().now_s()


async def test_a_decision_carries_the_second_route_of_the_rule_that_won() -> None:
    journal = Journal()
    fallback = Says(Hit(route(), rule="nine", next_route=route("hangup")))
    answered = await router(journal, fallback=fallback).answer(call(), started_s=now_s(), read_ms=0.5)
    assert answered.decision.next_route == route("hangup")
    answered = await router(journal).answer(call(), started_s=now_s(), read_ms=0.5)
    assert (answered.decision.route, answered.decision.next_route) == (LAST, None)


async def test_a_question_gets_the_first_hit_and_it_is_recorded() -> None:
    journal = Journal()
    answered = await router(journal, Crm(Hit(route())), fallback=Says(Hit(route(num="9"), rule="nine"))).answer(
        call(), started_s=now_s(), read_ms=0.5
    )
    decision = answered.decision
    assert (decision.source, decision.route, decision.status) == ("live", route(), OK)
    assert answered.recorded
    assert journal.decisions == [decision]
    assert decision.times.read == 0.5
    assert (decision.times.live_queue, decision.times.live) == (1.0, 2.0)
    assert decision.times.journal is not None


async def test_a_crm_without_an_answer_degrades() -> None:
    answered = await router(Journal(), Crm(TimedOut("late")), fallback=Says(Hit(route(num="9"), rule="nine"))).answer(
        call(), started_s=now_s(), read_ms=0
    )
    assert (answered.decision.source, answered.decision.rule, answered.decision.status) == (
        "fallback",
        "nine",
        DEGRADED,
    )


async def test_a_live_miss_is_ok_and_skips_remembered() -> None:
    answered = await router(Journal(), Crm(Miss()), remembered=Says(Hit(route()))).answer(
        call(), started_s=now_s(), read_ms=0
    )
    assert (answered.decision.source, answered.decision.status) == ("last_resort", OK)


async def test_without_a_crm_rules_alone_are_ok() -> None:
    answered = await router(Journal()).answer(call(), started_s=now_s(), read_ms=0)
    assert (answered.decision.source, answered.decision.status) == ("last_resort", OK)
    assert LIVE not in [step.tier for step in answered.decision.steps]


async def test_instant_only_never_asks_the_crm() -> None:
    crm = Crm(Hit(route()))
    answered = await router(Journal(), crm).answer(call(), started_s=now_s(), read_ms=0, instant_only="unknown path")
    assert crm.within_s == []
    assert answered.decision.status == DEGRADED
    assert Skipped("unknown path") in [step.verdict for step in answered.decision.steps]


async def test_time_for_the_record_and_the_answer_is_kept_back_from_live() -> None:
    crm = Crm(Miss())
    await router(Journal(), crm).answer(call(), started_s=now_s() - 0.2, read_ms=0)
    assert crm.within_s[0] <= 0.4 - 0.2 - 0.025


async def test_whatever_fails_in_our_own_code_the_call_is_answered() -> None:
    # Writing the override's traceback takes a busy machine longer than a call has for its CRM.
    answered = await router(Journal(), Crm(None), override=Breaks(), fallback=Breaks()).answer(
        call(), started_s=now_s() + 60, read_ms=0
    )
    assert answered.decision.source == "last_resort"
    broken = [step.tier for step in answered.decision.steps if isinstance(step.verdict, Unavailable)]
    assert broken == ["override", "live", "fallback"]


async def test_a_record_that_does_not_come_is_not_waited_for() -> None:
    journal = Journal(commits=False)
    asked = router(journal)
    answered = await asked.answer(call(), started_s=now_s(), read_ms=0)
    assert not answered.recorded
    assert len(journal.decisions) == 1
    assert asked.counts["unrecorded"] == 1


async def test_a_record_that_comes_in_time_counts() -> None:
    journal = Journal(commits=False)
    asking = asyncio.create_task(router(journal).answer(call(), started_s=now_s(), read_ms=0))
    await asyncio.sleep(0)
    journal.futures[0].set_result(True)
    assert (await asking).recorded


async def test_an_overflowed_record_is_unrecorded() -> None:
    journal = Journal(commits=False)
    asking = asyncio.create_task(router(journal).answer(call(), started_s=now_s(), read_ms=0))
    await asyncio.sleep(0)
    journal.futures[0].set_result(False)
    assert not (await asking).recorded


async def test_an_event_is_stored_then_answered() -> None:
    journal = Journal()
    reported = await router(journal).report(call(stage="start"), started_s=now_s(), read_ms=0)
    assert reported.recorded
    assert journal.events == [reported.event]


async def test_an_event_waits_no_longer_than_its_budget() -> None:
    journal = Journal(commits=False)
    reported = await router(journal).report(call(stage="start"), started_s=now_s(), read_ms=0)
    assert not reported.recorded
    assert journal.events == [reported.event]


async def test_an_event_names_its_calls_latest_decision() -> None:
    asked = router(Journal())
    for _ in range(2):
        answered = await asked.answer(call(call_id="a"), started_s=now_s(), read_ms=0)
    reported = await asked.report(call(call_id="b", linked_id="a", stage="start"), started_s=now_s(), read_ms=0)
    assert reported.event.decision_id == answered.decision.decision_id


async def test_what_sending_took_is_added_to_the_record() -> None:
    journal = Journal()
    asked = router(journal)
    answered = await asked.answer(call(), started_s=now_s(), read_ms=0)
    asked.sent(answered, 1.5)
    [(decision_id, times, ms)] = journal.times
    assert decision_id == answered.decision.decision_id
    assert times.write == 1.5
    assert ms > 0


async def test_test_calls_are_counted_apart() -> None:
    asked = router(Journal())
    await asked.answer(call(test=True), started_s=now_s(), read_ms=0)
    assert asked.counts["decisions"] == 0
    assert asked.counts["tests"] == 1
