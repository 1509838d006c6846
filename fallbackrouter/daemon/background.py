"""The background process: what takes time and answers no call, so that it can take no time from one.

It checks and stores rules, keeps incidents, and saves the CRM's addresses.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fallbackrouter.clock import SystemClock
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.rules import check_configured_rules
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.daemon.channel import Channel
from fallbackrouter.daemon.child_process import Order, process_facts, run_child
from fallbackrouter.daemon.rules_told import tell_of
from fallbackrouter.jobs.addresses_save import AddressKeeper
from fallbackrouter.jobs.rules_apply import Applied, apply_rules
from fallbackrouter.jobs.rules_watch import EVERY_S, Rest, picture_of
from fallbackrouter.log import get_log
from fallbackrouter.store.journal import JournalWriter

MAX_TOLD = 100
"""The most problems that an answer on the control socket names; the log and `rules check` name them all."""
FLUSH_S = 1.0

T = TypeVar("T")


def main(arguments: Sequence[str]) -> int:
    """Work behind the calls until the parent lets go."""
    return run_child(arguments, _work)


async def _work(channel: Channel, order: Order) -> None:
    await _Background(channel, order).work()


class _Background:
    def __init__(self, channel: Channel, order: Order) -> None:
        self._channel = channel
        self._order = order
        self._settings = order.settings
        self._loaded = Loaded(order.settings, None, order.base)
        self._journal_path = Path(order.base, order.settings.data_dir, "journal.db")
        self._clock = SystemClock()
        self._log = get_log("jobs")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="rules")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="saving")
        self._journal = JournalWriter(
            self._journal_path,
            on_note=self._log.warning,
            on_overflow=lambda _: None,  # no call is answered here
            clock=self._clock,
        )

    async def work(self) -> None:
        """Serve commands and do what repeats, until it is time to leave."""
        channel = self._channel
        channel.beat(process_facts, self._order.beat_s)
        self._journal.start(asyncio.get_running_loop())
        addresses = self._address_keeper()
        if addresses:
            await addresses.start()
        channel.serve({"apply": self._apply, "incident": self._incident})
        watching = (
            asyncio.create_task(self._watch_rules(), name="watch rules") if self._settings.rules.auto_apply else None
        )
        channel.say({**process_facts(), "say": "ready"})
        await channel.leaving.wait()
        if watching:
            watching.cancel()
        if addresses:
            await addresses.close()
        await self._journal.close(min(FLUSH_S, channel.leave_s))
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._writing.shutdown(wait=False, cancel_futures=True)

    def _address_keeper(self) -> AddressKeeper | None:
        crm = self._settings.crm
        if not crm.url:
            return None
        return AddressKeeper(
            Endpoint(crm.url, "").host,
            journal=self._journal_path,
            clock=self._clock,
            max_stale_s=crm.dns_max_stale_s,
            nameservers=crm.nameservers,
            in_thread=self._writing.submit,
        )

    async def _incident(self, message: Message) -> Message:
        at = datetime.fromtimestamp(message["at_ms"] / 1000, UTC)
        self._journal.record_incident(str(message["part"]), str(message["state"]), str(message["reason"]), at)
        return {}

    async def _apply(self, _message: Message) -> Message:
        applied = await self._in_thread(lambda: self._take_over("apply"))
        problems = [problem.text for problem in applied.problems[:MAX_TOLD]]
        return {"applied": applied.ok, "changed": applied.changed, "rules": applied.count, "problems": problems}

    async def _watch_rules(self) -> None:
        rest = Rest()
        folder = self._loaded.file(self._settings.rules.dir)
        while True:
            if rest.look(await self._in_thread(lambda: picture_of(folder))):
                await self._take_over_saved()
            await asyncio.sleep(EVERY_S)

    async def _take_over_saved(self) -> None:
        try:
            applied = await self._in_thread(lambda: self._take_over("auto_apply"))
        except FallbackrouterError as error:
            self._log.error("saved rules could not be taken over", reason=str(error))
            return
        if applied.changed:
            self._channel.say({"say": "rules_changed"})

    def _take_over(self, note: str) -> Applied:
        applied = apply_rules(
            lambda: check_configured_rules(self._loaded), self._journal_path, note, self._clock.now_at()
        )
        tell_of(applied, get_log("rules"))
        return applied

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
