"""The background process: what takes time and answers no call, so that it can take no time from one.

It keeps incidents, and has a duty for everything else (fallbackrouter.daemon.behind).
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from fallbackrouter.clock import SystemClock
from fallbackrouter.config.load import Loaded
from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.behind.addresses import Addresses
from fallbackrouter.daemon.behind.alerts import Alerts
from fallbackrouter.daemon.behind.calls import MakeCalls
from fallbackrouter.daemon.behind.delivery import EventDelivery
from fallbackrouter.daemon.behind.dialplan import Dialplan
from fallbackrouter.daemon.behind.duty import Answer, Duty, Inside
from fallbackrouter.daemon.behind.exchange import AsteriskLink
from fallbackrouter.daemon.behind.prompts import KeepPrompts
from fallbackrouter.daemon.behind.reconcile import Reconcile
from fallbackrouter.daemon.behind.rule_files import RuleFiles
from fallbackrouter.daemon.behind.sync import SyncRoutes
from fallbackrouter.daemon.behind.upkeep import JournalUpkeep
from fallbackrouter.daemon.channel import Channel
from fallbackrouter.daemon.child_process import Order, process_facts, run_child
from fallbackrouter.log import get_log
from fallbackrouter.store.journal import JournalWriter

FLUSH_S = 1.0
CLOSE_S = 1.5
"""What all duties together have to end; what hangs is left behind, the process ends all the same."""


def main(arguments: Sequence[str]) -> int:
    """Work behind the calls until the parent lets go."""
    return run_child(arguments, _work)


async def _work(channel: Channel, order: Order) -> None:
    await _Background(channel, order).work()


def _duties(inside: Inside) -> list[Duty]:
    link = AsteriskLink.where_wanted(inside)
    wanted: list[Duty | None] = [
        RuleFiles(inside),
        Addresses.where_wanted(inside),
        JournalUpkeep(inside),
        EventDelivery(inside),
        link,
        Reconcile.where_wanted(inside, link),
        MakeCalls.where_wanted(inside, link),
        SyncRoutes.where_wanted(inside),
        Dialplan.where_wanted(inside, link),
        KeepPrompts.where_wanted(inside),
        Alerts.where_wanted(inside),
    ]
    return [duty for duty in wanted if duty is not None]


class _Background:
    def __init__(self, channel: Channel, order: Order) -> None:
        self._channel = channel
        self._order = order
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="saving")
        clock = SystemClock()
        journal_path = Path(order.base, order.settings.data_dir, "journal.db")
        self._journal = JournalWriter(
            journal_path,
            on_note=get_log("jobs").warning,
            on_overflow=lambda _: None,  # no call is answered here
            clock=clock,
        )
        self._duties = _duties(
            Inside(
                loaded=Loaded(order.settings, None, order.base),
                token=order.token,
                journal_path=journal_path,
                journal=self._journal,
                clock=clock,
                say=channel.say,
                writing=self._writing,
            )
        )

    async def work(self) -> None:
        """Serve commands and do what repeats, until it is time to leave."""
        channel = self._channel
        channel.beat(self._facts, self._order.beat_s)
        self._journal.start(asyncio.get_running_loop())
        for duty in self._duties:
            await duty.start()
        channel.serve(self._commands())
        channel.say({**self._facts(), "say": "ready"})
        await channel.leaving.wait()
        await asyncio.wait({asyncio.ensure_future(self._close_duties())}, timeout=min(CLOSE_S, channel.leave_s))
        channel.say({**self._facts(), "say": "alive"})  # what was counted since the last heartbeat
        await self._journal.close(min(FLUSH_S, channel.leave_s))
        self._writing.shutdown(wait=False, cancel_futures=True)

    async def _close_duties(self) -> None:
        await asyncio.gather(*(duty.close() for duty in self._duties))

    def _facts(self) -> Message:
        facts = process_facts()
        tally: Message = {}
        for duty in self._duties:
            told = duty.facts()
            tally |= told.pop("tally", {})
            facts |= told
        return {**facts, "tally": tally}

    def _commands(self) -> dict[str, Answer]:
        answers: dict[str, Answer] = {"incident": self._incident}
        for duty in self._duties:
            answers |= duty.commands()
        return answers

    async def _incident(self, message: Message) -> Message:
        at = datetime.fromtimestamp(message["at_ms"] / 1000, UTC)
        self._journal.record_incident(str(message["part"]), str(message["state"]), str(message["reason"]), at)
        return {}
