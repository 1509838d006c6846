"""The live tier with its breaker: who is let through, what is counted, and once."""

import asyncio
import time

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.breaker import CLOSED_LEVEL, BreakerRules, Change, State, Version
from fallbackrouter.core.verdict import Hit, Miss, Skipped, TimedOut, Unavailable, Verdict
from fallbackrouter.crm.wire import LiveReply
from fallbackrouter.tiers import live
from fallbackrouter.tiers.breaker import LiveBreaker
from fallbackrouter.tiers.live import HELD_UP_S, LiveTier
from fallbackrouter.tiers.remembered import RememberedTier
from tests.fakes.calls import GATE, call, route
from tests.fakes.clock import FakeClock
from tests.proof.machine import PACE

pytestmark = pytest.mark.anyio

LONG_S = 60.0
SOON_S = 0.03
REFUSED = Unavailable("connection refused")


@pytest.fixture(autouse=True)
def never_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a busy machine's delays count as the CRM's own: tests are about what follows from them."""
    monkeypatch.setattr(live, "HELD_UP_S", 3600.0)


class Desk:
    """A CRM that answers at once with what is next, or never where nothing is; and everything around it."""

    def __init__(self, *, live_s: float = LONG_S, in_row: int = 3, **limits: int) -> None:
        self.verdicts: list[Verdict] = []
        self.asked = 0
        self.changes: list[Change] = []
        self.chance = 0.0
        self.breaker = LiveBreaker(
            BreakerRules(in_row=in_row),
            clock=SystemClock(),
            live_s=lambda _call: live_s,
            chance=lambda: self.chance,
            on_change=self.changes.append,
        )
        memory = RememberedTier(
            max_entries=9, ttl_s=300, max_stale_s=3600, never=(), gate=GATE, fallback_rule=lambda _call, _at: ""
        )
        chosen = {"max_in_flight": 9, "max_waiting": 9, "max_late": 0, "late_ms": 10_000} | limits
        self.tier = LiveTier(
            self,
            memory=memory,
            clock=SystemClock(),
            breaker=self.breaker,
            max_in_flight=chosen["max_in_flight"],
            max_waiting=chosen["max_waiting"],
            max_late=chosen["max_late"],
            late_ms=chosen["late_ms"],
        )

    async def ask(self, *_: object) -> LiveReply:
        self.asked += 1
        if not self.verdicts:
            await asyncio.Event().wait()
        return LiveReply(self.verdicts.pop(0))

    async def calls(self, *verdicts: Verdict) -> list[Verdict]:
        """Make a call for each verdict of the CRM."""
        self.verdicts = list(verdicts)
        return [(await self.tier.ask(call(), "d", LONG_S, LONG_S)).verdict for _ in verdicts]

    async def hanging(self, within_s: float = SOON_S, lasts_s: float = SOON_S) -> None:
        """Make a call to which no answer comes."""
        self.verdicts = []
        assert isinstance((await self.tier.ask(call(), "d", within_s, lasts_s)).verdict, TimedOut)
        await asyncio.sleep(0)

    def is_in(self, state: State) -> bool:
        return self.breaker.last.state is state


async def test_failures_open_it_and_then_nobody_is_asked() -> None:
    desk = Desk()
    await desk.calls(REFUSED, REFUSED, REFUSED)
    assert [change.state for change in desk.changes] == [State.OPEN]
    answer = await desk.tier.ask(call(), "d", LONG_S, LONG_S)
    assert answer.verdict == Skipped("breaker open: 3 requests in a row failed; the last: connection refused")
    assert (answer.queue_ms, answer.live_ms) == (0.0, None)
    assert desk.asked == 3
    assert desk.breaker.refused == 1
    assert desk.breaker.leads


async def test_answers_keep_it_closed() -> None:
    desk = Desk()
    await desk.calls(REFUSED, REFUSED, Hit(route()), REFUSED, REFUSED, Miss(), REFUSED, REFUSED)
    assert desk.is_in(State.CLOSED)
    assert desk.changes == []


async def test_questions_that_had_all_of_live_ms_open_it() -> None:
    desk = Desk(live_s=SOON_S)
    for _ in range(3):
        await desk.hanging()
    assert desk.is_in(State.OPEN)
    assert desk.breaker.last.reason.endswith("no answer within live_ms")


async def test_a_short_wait_beside_a_fresh_answer_is_not_slow_but_its_question_may_be() -> None:
    desk = Desk(live_s=4 * SOON_S * PACE, in_row=1)
    await desk.hanging(within_s=SOON_S, lasts_s=4 * SOON_S * PACE)
    assert desk.is_in(State.CLOSED)
    async with asyncio.timeout(LONG_S):
        while desk.is_in(State.CLOSED):
            await asyncio.sleep(0.005)


async def test_a_question_that_was_cut_short_says_nothing() -> None:
    desk = Desk(live_s=LONG_S, in_row=1)
    await desk.hanging()
    assert desk.is_in(State.CLOSED)


async def test_a_late_question_counts_once_when_it_is_late_and_not_when_it_ends() -> None:
    desk = Desk(live_s=SOON_S, in_row=2, max_late=1)
    await desk.hanging()
    assert desk.tier.in_flight == 1
    await desk.tier.close()
    assert desk.is_in(State.CLOSED)
    await desk.hanging()
    assert desk.is_in(State.OPEN)


async def test_a_late_question_that_fails_in_the_end_counts_once() -> None:
    desk = Desk(live_s=SOON_S, in_row=2, max_late=1)
    end = asyncio.Event()

    async def fails_late(*_: object) -> LiveReply:
        await end.wait()
        return LiveReply(REFUSED)

    desk.ask = fails_late  # type: ignore[method-assign]
    await desk.tier.ask(call(), "d", SOON_S, SOON_S)
    assert desk.tier.in_flight == 1
    end.set()
    async with asyncio.timeout(LONG_S):
        while desk.tier.in_flight:
            await asyncio.sleep(0)
    assert desk.is_in(State.CLOSED)


async def test_a_failing_door_of_our_own_is_not_the_crms_fault() -> None:
    desk = Desk(in_row=1)
    desk.verdicts = [REFUSED]
    desk.verdicts.clear()

    async def broken(*_: object) -> LiveReply:
        raise ZeroDivisionError

    desk.ask = broken  # type: ignore[method-assign]
    assert isinstance((await desk.tier.ask(call(), "d", LONG_S, LONG_S)).verdict, Unavailable)
    assert desk.is_in(State.CLOSED)


async def test_who_waits_for_a_place_goes_local_when_it_opens_meanwhile() -> None:
    desk = Desk(max_in_flight=1, live_s=SOON_S, in_row=1)
    hangs = asyncio.create_task(desk.hanging())
    await asyncio.sleep(0)
    waits = asyncio.create_task(desk.tier.ask(call(), "d", LONG_S, LONG_S))
    await hangs
    assert isinstance((await waits).verdict, Skipped)
    assert desk.asked == 1
    assert (desk.tier.in_flight, desk.tier.waiting) == (0, 0)


async def test_half_open_lets_a_share_through() -> None:
    desk = Desk()
    desk.breaker.adopt(Version(1, 2), "told", leads=False)
    desk.chance = 0.0999
    assert (await desk.calls(Miss())) == [Miss()]
    desk.chance = 0.1
    assert await desk.calls(Miss()) == [Skipped("breaker half open: 10% of calls ask")]


async def test_a_failure_while_half_open_opens_again() -> None:
    desk = Desk()
    desk.breaker.adopt(Version(1, 4), "told", leads=False)
    await desk.calls(REFUSED)
    assert desk.changes[0].version == Version(2, 0)


async def test_what_was_asked_before_it_opened_is_not_heard() -> None:
    desk = Desk(in_row=1)
    desk.verdicts = []
    asking = asyncio.create_task(desk.tier.ask(call(), "d", SOON_S, SOON_S))
    await asyncio.sleep(0)
    desk.breaker.adopt(Version(1, 4), "told", leads=False)
    await asking
    assert desk.changes == []


async def test_a_late_answer_to_a_question_that_waited_for_its_place_is_no_failure() -> None:
    desk = Desk(live_s=LONG_S, in_row=1, max_late=1)
    answer = asyncio.Event()

    async def slow(*_: object) -> LiveReply:
        await answer.wait()
        return LiveReply(Miss())

    desk.ask = slow  # type: ignore[method-assign]
    await desk.tier.ask(call(), "d", SOON_S, SOON_S)
    answer.set()
    async with asyncio.timeout(LONG_S):
        while desk.tier.in_flight:
            await asyncio.sleep(0)
    assert desk.is_in(State.CLOSED)


def quiet(changes: list[Change]) -> LiveBreaker:
    return LiveBreaker(
        BreakerRules(), clock=FakeClock(), live_s=lambda _call: 0.3, chance=lambda: 0.5, on_change=changes.append
    )


def test_what_is_taken_over_is_not_told_on() -> None:
    changes: list[Change] = []
    breaker = quiet(changes)
    assert breaker.adopt(Version(1, 0), "told", leads=False) is not None
    assert breaker.adopt(Version(1, CLOSED_LEVEL), "told", leads=False) is not None
    assert changes == []


def test_only_who_leads_probes() -> None:
    breaker = quiet([])
    breaker.adopt(Version(1, 0), "told", leads=False)
    assert breaker.due_probe_s is None
    breaker.adopt(Version(1, 0), "told", leads=True)
    assert breaker.due_probe_s is not None


def test_an_answer_past_live_ms_is_a_failure() -> None:
    changes: list[Change] = []
    breaker = quiet(changes)
    for _ in range(5):
        breaker.took(Miss(), breaker.version, past_live_ms=True)
    assert [change.state for change in changes] == [State.OPEN]


async def test_when_we_were_held_up_ourselves_the_crm_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HELD_UP_S", HELD_UP_S)
    desk = Desk(live_s=SOON_S, in_row=1)
    asking = asyncio.create_task(desk.tier.ask(call(), "d", SOON_S, SOON_S))
    await asyncio.sleep(0)
    time.sleep(SOON_S + HELD_UP_S + 0.02)  # noqa: ASYNC251 - the loop is held up
    assert isinstance((await asking).verdict, TimedOut)
    await asyncio.sleep(0.01)
    assert desk.is_in(State.CLOSED)
