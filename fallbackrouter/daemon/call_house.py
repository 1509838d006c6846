"""Joins the rooms of a call worker: listeners, router, tiers, journal."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import Clock
from fallbackrouter.config.build import answer_shape, build_gate, build_policies
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.core.breaker import Version
from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.crm.drill import Drill
from fallbackrouter.daemon.breaker_told import BreakerTold
from fallbackrouter.daemon.call_sources import CallSources
from fallbackrouter.daemon.call_tiers import CallTiers, make_router
from fallbackrouter.daemon.descriptors import calls_to_hold
from fallbackrouter.daemon.live_crm import LiveCrm
from fallbackrouter.daemon.worker_prompts import WorkerPrompts
from fallbackrouter.entrance.reception import Reception
from fallbackrouter.fastagi.server import AgiServer
from fallbackrouter.httproute.server import HttpServer
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.remembered import Change
from fallbackrouter.store.rows import DECISION_COLUMNS, EVENT_COLUMNS, decision_row, event_row

FLUSH_S = 2.0
"""The most of the time to leave that is kept for the journal; never more than half of it."""


class CallHouse:
    """Everything that answers calls, in one process; made by `build`."""

    def __init__(self, settings: Settings, *, base: Path, token: str, clock: Clock, log: Any) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        data_dir = base / settings.data_dir
        numbering = Numbering(settings.numbers.region)
        gate = build_gate(settings)
        self._journal = self._make_journal(data_dir / "journal.db")
        self._tiers = CallTiers.make(settings, gate, self._journal)
        policies = build_policies(settings, numbering.read)
        self._breaker_told = BreakerTold(self._journal, log, clock)
        self._live = (
            LiveCrm.make(
                settings,
                base=base,
                token=token,
                journal=data_dir / "journal.db",
                numbering=numbering,
                memory=self._tiers.remembered,
                gate=gate,
                policies=policies,
                on_change=self._breaker_told,
                clock=clock,
            )
            if settings.crm.url
            else None
        )
        self._sources = CallSources(
            settings, data_dir=data_dir, gate=gate, read_number=numbering.read, tiers=self._tiers, log=log
        )
        self._router = make_router(
            settings,
            tiers=self._tiers,
            live=self._live.tier if self._live else None,
            policies=policies,
            journal=self._journal,
            clock=clock,
        )
        self._reception = self._make_reception()
        self._prompts = WorkerPrompts.where_wanted(settings, base=base)
        shape = answer_shape(settings)
        if self._prompts is not None:
            shape = replace(shape, prompts=self._prompts.shelf)
        self._agi = AgiServer(
            reception=self._reception, router=self._router, grammar=self._grammar, shape=shape, clock=clock
        )
        self._http = HttpServer(
            reception=self._reception, router=self._router, grammar=self._grammar, shape=shape, clock=clock
        )

    # making ------------------------------------------------------------------------------------------------------

    def _make_journal(self, path: Path) -> JournalWriter:
        return JournalWriter(
            path,
            max_pending=self._settings.journal.max_pending,
            on_note=self._log.warning,
            on_overflow=self._log_in_full,
            on_remembered=self._absorb,
            max_stale_s=self._settings.remembered.max_stale_s,
            routed=self._settings.events.routed,
            clock=self._clock,
        )

    def _absorb(self, changes: list[Change]) -> None:
        self._tiers.absorb(changes)

    def _log_in_full(self, what: Decision | Event) -> None:
        """What the journal has no room for is at least in the log."""
        if isinstance(what, Decision):
            record = dict(zip(DECISION_COLUMNS, decision_row(what), strict=True))
            self._log.error("a decision is not on record", record=record)
        else:
            record = dict(zip(EVENT_COLUMNS, event_row(what), strict=True))
            self._log.error("an event is not on record", record=record)

    def _make_reception(self) -> Reception:
        settings = self._settings
        calls = calls_to_hold(settings.agi.max_calls, settings.crm.max_in_flight + settings.crm.max_late)
        return Reception(
            allow=settings.agi.allow, max_calls=calls, scarce=calls < settings.agi.max_calls, clock=self._clock
        )

    def _grammar(self) -> Grammar:
        return self._sources.grammar

    # serving -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Load rules, routes and remembered answers; what is missing or broken is told and does not stop the start."""
        self._journal.start(asyncio.get_running_loop())
        await self._sources.load(self._journal, self._start_live)
        if self._prompts is not None:
            await self._prompts.take()

    async def _start_live(self) -> None:
        if self._live:
            await self._live.start(self._sources.in_thread)

    async def start(self, agi: Sequence[socket.socket], http: Sequence[socket.socket]) -> None:
        """Take calls on listening sockets, by FastAGI and by HTTP."""
        await self._agi.start(agi)
        await self._http.start(http)

    @property
    def rules(self) -> int:
        """How many rules serve."""
        return self._sources.rules

    @property
    def routes(self) -> int:
        """How many rows of the CRM's feed serve."""
        return self._sources.routes

    async def rules_changed(self) -> int:
        """Take the latest stored rules; see CallSources.take_rules."""
        return await self._sources.take_rules()

    async def routes_changed(self) -> int:
        """Take the latest routes.db; see CallSources.take_routes."""
        return await self._sources.take_routes()

    async def prompts_changed(self) -> int:
        """Take what lies in the folder of prompts now, and return how many they are."""
        return await self._prompts.take() if self._prompts is not None else 0

    def share_prompts(self, tell: Callable[[Message], None]) -> None:
        """Have what calls wanted and used of prompts told to the background process."""
        if self._prompts is not None:
            self._prompts.share(tell)

    def share_breaker(self, tell: Callable[[Message], None]) -> None:
        """Have the changes of the breaker told to the other workers."""
        self._breaker_told.share(tell)

    def adopt_breaker(self, message: Message) -> None:
        """Take over what another worker's breaker has come to; see fallbackrouter.daemon.breaker_shared."""
        if self._live:
            opened, level = message["version"]
            version = Version(int(opened), int(level))
            self._live.breaker.adopt(version, str(message["reason"]), leads=bool(message["leads"]))

    def drill(self, drill: Drill | None) -> None:
        """Begin a drill, or end the one that is on."""
        if self._live and drill:
            self._live.drilling.begin(drill)
        elif self._live:
            self._live.drilling.end()

    def tally(self) -> Mapping[str, Any]:
        """Return what only ever grows, so that several workers' add up."""
        counts = self._router.counts
        return {
            **self._router.tally(),
            **{name: counts[name] for name in ("events", "tests", "unrecorded")},
            "connections": dict(self._reception.counts),
            **(self._live.tally() if self._live else {}),
            **(self._prompts.shelf.counts if self._prompts is not None else {}),
        }

    def counters(self) -> Mapping[str, int | float | None]:
        """Return what was counted since the start, and how things stand; None is not known."""
        counts: dict[str, int | float | None] = {**self._router.counts, **self._reception.counts}
        counts["held"] = len(self._reception.held)
        counts["tasks"] = len(asyncio.all_tasks())
        counts["journal_pending"] = self._journal.pending
        counts["journal_lag_s"] = round(self._journal.lag_s, 3)
        counts["remembered"] = len(self._tiers.remembered)
        counts["routes_age_s"] = self._sources.routes_age_s(self._clock.now_at())
        if self._live:
            counts |= self._live.counters()
        return counts

    async def close(self, within_s: float) -> None:
        """Take no more calls, finish those in hand within so long, write the journal."""
        self._reception.stop_accepting()
        flush_s = min(FLUSH_S, within_s / 2)
        await self._reception.drain(within_s - flush_s)
        if self._prompts is not None:
            self._prompts.close()
        if self._live:
            await self._live.close()
        await self._journal.close(flush_s)
        self._sources.close()


async def build(settings: Settings, *, base: Path, token: str, clock: Clock, log: Any) -> CallHouse:
    """Load rules and routes, and be ready to start.

    Args:
        base: what relative paths are relative to.
        token: the CRM's, "" for none.

    Raises:
        FallbackrouterError: the configuration cannot be used.
    """
    house = CallHouse(settings, base=base, token=token, clock=clock, log=log)
    await house.load()
    return house
