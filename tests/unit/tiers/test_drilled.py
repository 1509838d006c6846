"""What a drill leaves in the verdicts of the live tier, also where the tier itself gives an answer up."""

import asyncio

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, TimedOut, Unavailable, Verdict
from fallbackrouter.crm.drill import Drill, Drilling
from fallbackrouter.crm.drill_mark import marked
from fallbackrouter.crm.wire import LiveReply
from fallbackrouter.tiers.live import LiveTier
from fallbackrouter.tiers.remembered import RememberedTier
from tests.fakes.calls import GATE, call, route

pytestmark = pytest.mark.anyio


class DrilledDoor:
    """A CRM that hangs for every question that a drill touches."""

    def __init__(self, drilling: Drilling) -> None:
        self._drilling = drilling

    async def ask(self, call: Call, decision_id: str, budget_ms: int) -> LiveReply:
        del call, decision_id, budget_ms
        if self._drilling.deal():
            await asyncio.get_running_loop().create_future()
        return LiveReply(Hit(route()))


def tier(drilling: Drilling) -> LiveTier:
    memory = RememberedTier(
        max_entries=100, ttl_s=300, max_stale_s=3600, never=(), gate=GATE, fallback_rule=lambda _call, _at: ""
    )
    return LiveTier(
        DrilledDoor(drilling),
        memory=memory,
        clock=SystemClock(),
        max_in_flight=2,
        max_waiting=1,
        max_late=1,
        late_ms=10,
        coalesce=True,
    )


async def test_a_call_that_goes_on_says_which_drill_its_question_met() -> None:
    drilling = Drilling(clock=SystemClock(), slow_s=1)
    drilling.begin(Drill("hang", 1, SystemClock().now_s() + 600))
    live = tier(drilling)
    answer = await live.ask(call(), "d1", 0.03, 0.03)
    assert isinstance(answer.verdict, TimedOut)
    assert answer.verdict.reason.startswith("drill: hang; no answer within ")
    drilling.end()
    assert (await live.ask(call(caller="79500000001"), "d2", 10, 10)).verdict == Hit(route())
    await live.close()


async def test_calls_that_share_a_question_share_what_it_met() -> None:
    drilling = Drilling(clock=SystemClock(), slow_s=1)
    drilling.begin(Drill("slow", 1, SystemClock().now_s() + 600))
    live = tier(drilling)
    answers = await asyncio.gather(*(live.ask(call(), f"d{number}", 0.03, 0.03) for number in range(3)))
    assert [answer.verdict for answer in answers] == [TimedOut("drill: slow; no answer within 30 ms")] * 3
    await live.close()


async def test_what_one_question_met_is_not_the_next_one_s() -> None:
    drilling = Drilling(clock=SystemClock(), slow_s=1, chance=iter([0.1, 0.9, 0.1]).__next__)
    drilling.begin(Drill("hang", 0.5, SystemClock().now_s() + 600))
    live = tier(drilling)
    verdicts = [(await live.ask(call(caller=f"7950000000{n}"), f"d{n}", 0.03, 0.03)).verdict for n in range(3)]
    assert [type(verdict) for verdict in verdicts] == [TimedOut, Hit, TimedOut]
    assert verdicts[1] == Hit(route())
    await live.close()


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Hit(route(), notes=("x",)), Hit(route(), notes=("x", "drill: slow"))),
        (Miss(), Miss("drill: slow")),
        (Invalid("y"), Invalid("drill: slow; y")),
        (Unavailable("z"), Unavailable("drill: slow; z")),
        (Skipped("w"), Skipped("drill: slow; w")),
    ],
)
async def test_every_kind_of_verdict_tells_it(verdict: Verdict, told: Verdict) -> None:
    assert marked(verdict, "slow") == told
    assert marked(verdict, "") is verdict
