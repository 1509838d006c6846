"""The duty of telling the CRM of events."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import SystemRandom
from typing import TypeVar

from fallbackrouter.control.lines import Message
from fallbackrouter.core.breaker import Change, State
from fallbackrouter.core.errors import StoreError
from fallbackrouter.crm.event_client import EventClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.jobs.backlog import BacklogWatch
from fallbackrouter.jobs.courier import Courier
from fallbackrouter.jobs.delivery import Delivery
from fallbackrouter.jobs.recordings import Recordings
from fallbackrouter.jobs.recordings_look import RecordingsLook
from fallbackrouter.jobs.valve import Valve
from fallbackrouter.log import get_log
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.addresses import SavedAddress, load_addresses
from fallbackrouter.store.outbox import Outbox

PART = "events breaker"
"""The incidents' part."""
NO_CRM = "there is no crm.url to tell events to"
LET_GO_S = 0.3

T = TypeVar("T")
log = get_log("jobs")


class EventDelivery:
    """Delivers events where there is a CRM, and tells in any case how many wait."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._outbox = Outbox(inside.journal_path)
        self._trouble = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._crm_side = _CrmSide(self, inside) if inside.settings.crm.url else None
        self._watch = BacklogWatch(
            self._outbox,
            ttl_s=inside.settings.events.ttl_s,
            idle=lambda: self._crm_side is None or self._crm_side.valve.is_open,
            clock=inside.clock,
            in_thread=self.in_thread,
            on_trouble=self.take_trouble if self._crm_side is None else _keep_quiet,
        )

    @property
    def outbox(self) -> Outbox:
        """What is delivered from; used in its own thread alone."""
        return self._outbox

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run what may stall in the outbox's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def take_trouble(self, trouble: str) -> None:
        """Log that the journal cannot be used, once, and that it can again."""
        if trouble and not self._trouble:
            log.warning("events wait, as the journal cannot be used", reason=trouble)
        elif self._trouble and not trouble:
            log.info("events are delivered again")
        self._trouble = trouble

    async def start(self) -> None:
        """Begin."""
        self._tasks.append(asyncio.create_task(self._watch.run(), name="backlog"))
        if self._crm_side:
            self._tasks.append(asyncio.create_task(self._crm_side.run(), name="delivery"))

    async def close(self) -> None:
        """End; what is on its way to the CRM is sent again after the next start."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LET_GO_S)
        if self._crm_side:
            await self._crm_side.close()
        closing = asyncio.ensure_future(self.in_thread(self._outbox.close))
        await asyncio.wait({closing}, timeout=LET_GO_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer `deliver`."""
        return {"deliver": self._deliver}

    async def _deliver(self, _message: Message) -> Message:
        if self._crm_side:
            self._crm_side.delivery.nudge()
        return {"delivers": self._crm_side is not None, "waits": self._waits}

    @property
    def _waits(self) -> str:
        return self._trouble or (self._crm_side.valve.waits if self._crm_side else NO_CRM)

    def facts(self) -> Message:
        """Tell of the backlog, and of how it is worked off."""
        facts: Message = {"waits": self._waits, **self._backlog_facts()}
        if self._crm_side:
            facts |= self._crm_side.facts()
        tally = self._crm_side.tally() if self._crm_side else {}
        return {"outbox": facts, "tally": tally}

    def _backlog_facts(self) -> Message:
        backlog = self._watch.latest
        if backlog is None:
            return {}
        age = self._inside.clock.now_at() - backlog.oldest_at if backlog.oldest_at else None
        return {
            "pending": backlog.pending,
            "oldest_s": round(age.total_seconds(), 1) if age else None,
            "refused": backlog.refused,
            "dead": backlog.dead,
        }


class _CrmSide:
    """The parts that face the CRM; they start and end together.

    Raises:
        ConfigError: the CRM's URL, token or certificates cannot be used.
    """

    def __init__(self, duty: EventDelivery, inside: Inside) -> None:
        settings, clock = inside.settings, inside.clock
        crm, events = settings.crm, settings.events
        numbering = Numbering(settings.numbers.region)
        self._inside = inside
        self._duty = duty
        self._resolver = Resolver(clock=clock, max_stale_s=crm.dns_max_stale_s, nameservers=crm.nameservers)
        self._client = EventClient(
            url=crm.url,
            token=inside.token,
            resolver=self._resolver,
            max_in_flight=events.max_in_flight,
            keepalive_s=crm.keepalive_s,
            ca_file=_file(inside, crm.ca_file),
            client_cert=_file(inside, crm.client_cert),
            client_key=_file(inside, crm.client_key),
            clock=clock,
        )
        recordings = settings.recordings
        folder = inside.loaded.file(recordings.dir) if recordings.dir else None
        self._look = RecordingsLook(Recordings(folder, recordings.url, recordings.wait_s))
        courier = Courier(
            self._client,
            self._look,
            read_number=numbering.read,
            spell=lambda number: numbering.spell(number, crm.number_form),
            timeout_s=events.timeout_s,
            ttl_s=events.ttl_s,
            clock=clock,
            chance=SystemRandom().random,
        )
        self.valve = Valve(
            max_in_flight=events.max_in_flight, max_rate=events.max_rate, clock=clock, on_change=self._tell_change
        )
        self.delivery = Delivery(
            duty.outbox,
            courier,
            self.valve,
            clock=clock,
            in_thread=duty.in_thread,
            on_trouble=duty.take_trouble,
            on_error=lambda error: log.error("delivering an event failed in our own code", exc_info=error),
        )

    def _tell_change(self, change: Change) -> None:
        state = change.state.replace("_", " ")
        self._inside.journal.record_incident(PART, state, change.reason, self._inside.clock.now_at())
        say = log.warning if change.state is State.OPEN else log.info
        say("the breaker of events has changed", state=state, reason=change.reason)

    async def run(self) -> None:
        """Deliver for ever; begins with the addresses that were saved."""
        for one in await self._duty.in_thread(self._saved):
            self._resolver.seed(one.host, [one.address], one.at)
        await self._resolver.start()
        await self._client.start()
        await self.delivery.run()

    def _saved(self) -> list[SavedAddress]:
        try:
            return load_addresses(self._inside.journal_path)
        except StoreError:
            return []  # they are looked up

    def tally(self) -> Message:
        """Return what was counted since the start; never goes down."""
        return {"events_tried": self.delivery.tried, "events_delivered": self.delivery.delivered}

    def facts(self) -> Message:
        """Tell how the backlog is worked off."""
        last = self.valve.last
        return {
            "in_flight": self.delivery.in_hand,
            "tried": self.delivery.tried,
            "delivered": self.delivery.delivered,
            "breaker": {"state": str(last.state), "reason": last.reason},
        }

    async def close(self) -> None:
        """Let go of what is on its way."""
        await self.delivery.close()
        self._look.close()
        await self._client.close()
        await self._resolver.close()


def _file(inside: Inside, text: str) -> str:
    return str(inside.loaded.file(text)) if text else ""


def _keep_quiet(_trouble: str) -> None:
    """Leave it to the delivery to tell of the journal."""
