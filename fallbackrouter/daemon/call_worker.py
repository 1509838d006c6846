"""A call worker's process: the inherited listeners, one event loop, and the house in it that answers calls."""

import asyncio
import gc
import socket
import sys
from collections.abc import Sequence

from fallbackrouter.clock import SystemClock
from fallbackrouter.control.lines import Message
from fallbackrouter.crm.drill import Drill
from fallbackrouter.daemon.channel import Channel
from fallbackrouter.daemon.child_process import Order, process_facts, run_child
from fallbackrouter.daemon.house import BuildHouse, House
from fallbackrouter.log import get_log

SWITCH_S = 0.0005
"""How long the loop and the journal's thread keep the interpreter lock from each other; of 5 ms, calls would wait 5."""


def main(arguments: Sequence[str], build: BuildHouse | None = None) -> int:
    """Answer calls until the parent lets go.

    Args:
        build: makes the house; None for the real one.
    """
    if build is None:
        from fallbackrouter.daemon.call_house import build as real_build

        build = real_build
    return run_child(arguments, _Worker(build).work)


class _Worker:
    def __init__(self, build: BuildHouse) -> None:
        self._build = build
        self._house: House | None = None

    async def work(self, channel: Channel, order: Order) -> None:
        """Build the house, serve, and close it in order."""
        channel.beat(self._facts, order.beat_s)
        building = asyncio.create_task(self._make(order), name="build")
        leaving = asyncio.create_task(channel.leaving.wait(), name="leaving")
        await asyncio.wait({building, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not building.done():
            building.cancel()
            await asyncio.wait({building})
            return
        house = self._house = building.result()
        house.share_breaker(lambda change: channel.say({**change, "say": "breaker"}))
        house.share_prompts(lambda news: channel.say({**news, "say": "prompts"}))
        channel.serve(
            {
                "rules_changed": self._rules_changed,
                "routes_changed": self._routes_changed,
                "prompts_changed": self._prompts_changed,
                "breaker": self._breaker,
                "drill": self._drill,
            }
        )
        _calm_collector()
        sys.setswitchinterval(SWITCH_S)
        channel.say({**self._facts(), "say": "ready"})
        await leaving
        await house.close(channel.leave_s)
        channel.say({**self._facts(), "say": "alive"})  # what was counted since the last heartbeat

    async def _make(self, order: Order) -> House:
        house = await self._build(
            order.settings, base=order.base, token=order.token, clock=SystemClock(), log=get_log("daemon")
        )
        agi = [socket.socket(fileno=descriptor) for descriptor in order.listen]
        http = [socket.socket(fileno=descriptor) for descriptor in order.http_listen]
        await house.start(agi, http)
        return house

    async def _rules_changed(self, _message: Message) -> Message:
        return {"rules": await self._at_home().rules_changed()}

    async def _routes_changed(self, _message: Message) -> Message:
        return {"routes": await self._at_home().routes_changed()}

    async def _prompts_changed(self, _message: Message) -> Message:
        return {"prompts": await self._at_home().prompts_changed()}

    async def _breaker(self, message: Message) -> Message:
        self._at_home().adopt_breaker(message)
        return {}

    async def _drill(self, message: Message) -> Message:
        fault = str(message["fault"])
        begun = Drill(fault, float(message["share"]), float(message["until_s"])) if fault else None
        self._at_home().drill(begun)
        return {}

    def _at_home(self) -> House:
        assert self._house is not None  # noqa: S101 - commands are served once there is one
        return self._house

    def _facts(self) -> Message:
        facts = process_facts()
        if self._house is not None:
            facts |= {"rules": self._house.rules, "routes": self._house.routes}
            facts["counters"] = dict(self._house.counters())
            facts["tally"] = dict(self._house.tally())
        return facts


def _calm_collector() -> None:
    """Leave what was loaded at the start out of all further collections, and collect less often: 8 % of a call's cost.

    What calls leave behind is freed by counting; cycles are few, and wait a little longer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
