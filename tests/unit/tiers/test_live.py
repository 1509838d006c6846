"""The live tier: places, waits, late answers; real event loop, a door that answers on command."""

import asyncio
from datetime import datetime

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.verdict import Hit, Miss, Skipped, TimedOut, Unavailable
from fallbackrouter.crm.wire import LiveReply
from fallbackrouter.tiers.live import LiveTier
from fallbackrouter.tiers.remembered import RememberedTier
from tests.fakes.calls import GATE, call, route

pytestmark = pytest.mark.anyio

SOON_S = 0.03
LONG_S = 10.0


class Door:
    """A CRM that answers each question when its test says so."""

    def __init__(self) -> None:
        self.asked: list[Call] = []
        self.cancelled = 0
        self.open: list[asyncio.Future[LiveReply]] = []
        self.budgets: list[int] = []

    async def ask(self, call: Call, decision_id: str, budget_ms: int) -> LiveReply:
        self.asked.append(call)
        self.budgets.append(budget_ms)
        answer: asyncio.Future[LiveReply] = asyncio.get_running_loop().create_future()
        self.open.append(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def asked_times(self, times: int) -> None:
        async with asyncio.timeout(LONG_S):
            while len(self.asked) < times:
                await asyncio.sleep(0)


def memory() -> RememberedTier:
    return RememberedTier(
        max_entries=100, ttl_s=300, max_stale_s=3600, never=(), gate=GATE, fallback_rule=lambda _call, _at: ""
    )


def tier(door: Door, remembered: RememberedTier | None = None, **limits: object) -> LiveTier:
    chosen = {"max_in_flight": 2, "max_waiting": 1, "max_late": 1, "late_ms": 10_000, **limits}
    remembered = memory() if remembered is None else remembered
    return LiveTier(door, memory=remembered, clock=SystemClock(), **chosen)  # type: ignore[arg-type]


def at() -> datetime:
    return SystemClock().now_at()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_answer_in_time_is_the_verdict_and_is_remembered() -> None:
    door, remembered = Door(), memory()
    live = tier(door, remembered)
    asking = asyncio.create_task(live.ask(call(), "d1", LONG_S, LONG_S))
    await door.asked_times(1)
    door.open[0].set_result(LiveReply(Hit(route())))
    answer = await asking
    assert answer.verdict == Hit(route())
    assert answer.live_ms is not None
    assert live.in_flight == 0
    assert isinstance(remembered.ask(call(), at()), Hit)


async def test_the_budget_is_told_to_the_crm() -> None:
    door = Door()
    live = tier(door)
    asking = asyncio.create_task(live.ask(call(), "d1", LONG_S, LONG_S))
    await door.asked_times(1)
    assert 9_000 < door.budgets[0] <= 10_000
    await live.close()
    assert isinstance((await asking).verdict, Unavailable)


async def test_past_its_budget_a_call_goes_on_and_one_question_may_be_late() -> None:
    door, remembered = Door(), memory()
    live = tier(door, remembered)
    answers = await asyncio.gather(live.ask(call("1"), "d1", SOON_S, SOON_S), live.ask(call("2"), "d2", SOON_S, SOON_S))
    assert all(isinstance(answer.verdict, TimedOut) for answer in answers)
    await settle()
    assert door.cancelled == 1
    assert live.in_flight == 1
    late = next(n for n, answer in enumerate(door.open) if not answer.done())
    door.open[late].set_result(LiveReply(Hit(route(num="77"))))
    await settle()
    assert live.in_flight == 0
    learnt = remembered.ask(door.asked[late], at())
    assert isinstance(learnt, Hit)
    assert learnt.route.num == "77"


async def test_a_late_question_ends_after_late_ms() -> None:
    door = Door()
    live = tier(door, late_ms=20)
    await live.ask(call(), "d1", SOON_S, SOON_S)
    async with asyncio.timeout(LONG_S):
        while not door.cancelled:
            await asyncio.sleep(0.005)
    assert live.in_flight == 0


async def test_with_a_fresh_answer_at_hand_the_question_goes_on_behind_the_call() -> None:
    door, remembered = Door(), memory()
    live = tier(door, remembered, max_late=0)
    answer = await live.ask(call(), "d1", SOON_S, LONG_S)
    assert isinstance(answer.verdict, TimedOut)
    await settle()
    assert door.cancelled == 0
    assert live.in_flight == 1
    door.open[0].set_result(LiveReply(Hit(route(num="78"))))
    await settle()
    learnt = remembered.ask(call(), at())
    assert isinstance(learnt, Hit)
    assert learnt.route.num == "78"


async def test_a_question_behind_its_call_ends_with_the_live_budget() -> None:
    door = Door()
    live = tier(door, max_late=0)
    await live.ask(call(), "d1", SOON_S, 2 * SOON_S)
    async with asyncio.timeout(LONG_S):
        while not door.cancelled:
            await asyncio.sleep(0.005)
    assert live.in_flight == 0


async def test_when_all_places_are_taken_one_waits_and_the_rest_go_local_at_once() -> None:
    door = Door()
    live = tier(door)
    asking = [asyncio.create_task(live.ask(call(str(n)), f"d{n}", LONG_S, LONG_S)) for n in range(4)]
    await door.asked_times(2)
    await settle()
    assert live.in_flight == 2
    assert live.waiting == 1
    assert asking[3].done()
    assert isinstance(asking[3].result().verdict, Skipped)
    door.open[0].set_result(LiveReply(Miss()))
    await door.asked_times(3)
    for answer in door.open[1:]:
        answer.set_result(LiveReply(Miss()))
    answers = await asyncio.gather(*asking[:3])
    assert all(isinstance(answer.verdict, Miss) for answer in answers)
    assert (live.in_flight, live.waiting) == (0, 0)


async def test_a_wait_for_a_place_ends_inside_the_budget() -> None:
    door = Door()
    live = tier(door, max_in_flight=1)
    first = asyncio.create_task(live.ask(call("1"), "d1", LONG_S, LONG_S))
    await door.asked_times(1)
    answer = await live.ask(call("2"), "d2", SOON_S, SOON_S)
    assert isinstance(answer.verdict, TimedOut)
    assert answer.live_ms is None
    assert (live.in_flight, live.waiting) == (1, 0)
    door.open[0].set_result(LiveReply(Miss()))
    await first
    assert live.in_flight == 0


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    door = Door()
    live = tier(door, max_in_flight=1, max_late=0)
    first = asyncio.create_task(live.ask(call("1"), "d1", SOON_S * 2, SOON_S * 2))
    await door.asked_times(1)
    second = asyncio.create_task(live.ask(call("2"), "d2", LONG_S, LONG_S))
    await settle()
    second.cancel()
    await asyncio.wait({second})
    assert live.waiting == 0
    await first
    await settle()
    assert live.in_flight == 0


async def test_calls_that_ask_the_same_share_a_question_where_configured() -> None:
    door = Door()
    live = tier(door, coalesce=True, max_in_flight=1, max_waiting=0)
    asking = [asyncio.create_task(live.ask(call(), f"d{n}", LONG_S, LONG_S)) for n in range(3)]
    await door.asked_times(1)
    await settle()
    door.open[0].set_result(LiveReply(Hit(route())))
    answers = await asyncio.gather(*asking)
    assert len(door.asked) == 1
    assert all(answer.verdict == Hit(route()) for answer in answers)
    assert live.in_flight == 0


async def test_withheld_callers_never_share_a_question() -> None:
    door = Door()
    live = tier(door, coalesce=True)
    asking = [asyncio.create_task(live.ask(call(caller="anonymous"), f"d{n}", LONG_S, LONG_S)) for n in range(2)]
    await door.asked_times(2)
    for answer in door.open:
        answer.set_result(LiveReply(Miss()))
    await asyncio.gather(*asking)


async def test_a_live_miss_forgets_what_was_remembered() -> None:
    door, remembered = Door(), memory()
    remembered.remember(call(), route(), None, at())
    live = tier(door, remembered)
    asking = asyncio.create_task(live.ask(call(), "d1", LONG_S, LONG_S))
    await door.asked_times(1)
    door.open[0].set_result(LiveReply(Miss()))
    await asking
    assert isinstance(remembered.ask(call(), at()), Miss)


async def test_a_test_call_teaches_nothing_and_is_never_late() -> None:
    door, remembered = Door(), memory()
    live = tier(door, remembered)
    asking = asyncio.create_task(live.ask(call(test=True), "d1", LONG_S, LONG_S))
    await door.asked_times(1)
    door.open[0].set_result(LiveReply(Hit(route())))
    await asking
    assert isinstance(remembered.ask(call(), at()), Miss)
    await live.ask(call(test=True), "d2", SOON_S, SOON_S)
    await settle()
    assert door.cancelled == 1


async def test_a_door_that_fails_is_unavailable() -> None:
    class Broken:
        async def ask(self, call: Call, decision_id: str, budget_ms: int) -> LiveReply:
            raise ZeroDivisionError

    live = LiveTier(
        Broken(), memory=memory(), clock=SystemClock(), max_in_flight=1, max_waiting=0, max_late=0, late_ms=0
    )
    answer = await live.ask(call(), "d1", LONG_S, LONG_S)
    assert isinstance(answer.verdict, Unavailable)
    assert live.in_flight == 0
