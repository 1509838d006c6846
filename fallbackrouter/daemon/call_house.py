"""Joins the rooms of a call worker: listeners, router, tiers, journal.

Rules: whatever may stall (a disk, a large table) is loaded in a thread of its own, never in the default executor; new
rules and routes are swapped in between two calls; a source that cannot be loaded leaves the former one serving.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import Clock, load_zone
from fallbackrouter.config.build import (
    answer_shape,
    build_gate,
    build_policies,
    default_zone,
    grammar_paths,
    last_resort,
    node_name,
)
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.core.breaker import Version
from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Gate
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.crm.drill import Drill
from fallbackrouter.daemon.breaker_told import BreakerTold
from fallbackrouter.daemon.descriptors import calls_to_hold
from fallbackrouter.daemon.live_crm import LiveCrm
from fallbackrouter.fastagi.server import AgiServer
from fallbackrouter.numbering import Numbering
from fallbackrouter.router import Router
from fallbackrouter.rulesfile.compiled import load as load_rules
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.remembered import Change
from fallbackrouter.store.routes import RoutesCopy
from fallbackrouter.store.rows import DECISION_COLUMNS, EVENT_COLUMNS, decision_row, event_row
from fallbackrouter.store.rulesets import latest_ruleset
from fallbackrouter.tiers.remembered import RememberedTier
from fallbackrouter.tiers.rules import RuleTier
from fallbackrouter.tiers.synced import SyncedTier

FLUSH_S = 2.0
"""The most of the time to leave that is kept for the journal; never more than half of it."""
LOAD_REMEMBERED_S = 10.0
"""How long a start waits for the remembered answers; calls are worth more."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Tiers:
    override: RuleTier
    remembered: RememberedTier
    synced: SyncedTier
    fallback: RuleTier


@dataclass(frozen=True, slots=True)
class _Known:
    """What a start found on disk."""

    rules: tuple[Rule, ...]
    routes: RoutesCopy


class CallHouse:
    """Everything that answers calls, in one process; made by `build`.

    Attributes:
        rules: how many rules serve.
        routes: how many rows of the CRM's feed serve.
    """

    def __init__(self, settings: Settings, *, base: Path, token: str, clock: Clock, log: Any) -> None:
        self._settings = settings
        self._journal_path = base / settings.data_dir / "journal.db"
        self._routes_path = base / settings.data_dir / "routes.db"
        self._clock = clock
        self._log = log
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._numbering = Numbering(settings.numbers.region)
        self._gate = build_gate(settings)
        self._journal = self._make_journal()
        self._tiers = self._make_tiers(self._gate)
        self._policies = build_policies(settings, self._numbering.read)
        self._breaker_told = BreakerTold(self._journal, log, clock)
        self._live = (
            LiveCrm.make(
                settings,
                base=base,
                token=token,
                journal=self._journal_path,
                numbering=self._numbering,
                memory=self._tiers.remembered,
                gate=self._gate,
                policies=self._policies,
                on_change=self._breaker_told,
                clock=clock,
            )
            if settings.crm.url
            else None
        )
        self._grammar = self._make_grammar(frozenset())
        self._router = self._make_router()
        calls = calls_to_hold(settings.agi.max_calls, settings.crm.max_in_flight + settings.crm.max_late)
        self.server = AgiServer(
            router=self._router,
            grammar=lambda: self._grammar,
            shape=answer_shape(settings),
            allow=settings.agi.allow,
            max_calls=calls,
            scarce=calls < settings.agi.max_calls,
            clock=clock,
        )
        self.rules = 0
        self.routes = 0

    # making ------------------------------------------------------------------------------------------------------

    def _make_journal(self) -> JournalWriter:
        return JournalWriter(
            self._journal_path,
            max_pending=self._settings.journal.max_pending,
            on_note=self._log.warning,
            on_overflow=self._log_in_full,
            on_remembered=self._absorb,
            max_stale_s=self._settings.remembered.max_stale_s,
            clock=self._clock,
        )

    def _absorb(self, changes: list[Change]) -> None:
        self._tiers.remembered.absorb(changes)

    def _log_in_full(self, what: Decision | Event) -> None:
        """What the journal has no room for is at least in the log."""
        if isinstance(what, Decision):
            record = dict(zip(DECISION_COLUMNS, decision_row(what), strict=True))
            self._log.error("a decision is not on record", record=record)
        else:
            record = dict(zip(EVENT_COLUMNS, event_row(what), strict=True))
            self._log.error("an event is not on record", record=record)

    def _make_tiers(self, gate: Gate) -> _Tiers:
        settings = self._settings.remembered
        fallback = RuleTier(Rulebook(()))
        remembered = RememberedTier(
            max_entries=settings.max_entries,
            ttl_s=settings.ttl_s,
            max_stale_s=settings.max_stale_s,
            never=settings.never,
            gate=gate,
            fallback_rule=fallback.winner,
            store=self._journal,
        )
        return _Tiers(RuleTier(Rulebook(())), remembered, SyncedTier(), fallback)

    def _make_grammar(self, rule_stages: frozenset[str]) -> Grammar:
        return Grammar(
            paths=grammar_paths(self._settings),
            event_stages=frozenset(self._settings.events.stages),
            known_stages=rule_stages,
            read_number=self._numbering.read,
        )

    def _make_router(self) -> Router:
        settings = self._settings
        return Router(
            instant={
                OVERRIDE: self._tiers.override,
                REMEMBERED: self._tiers.remembered,
                SYNCED: self._tiers.synced,
                FALLBACK: self._tiers.fallback,
            },
            live=self._live.tier if self._live else None,
            memory=self._tiers.remembered,
            policies=self._policies if self._live else _without_live(self._policies),
            last_resort=last_resort(settings),
            journal=self._journal,
            clock=self._clock,
            node=node_name(settings),
            journal_ms=settings.budget.journal_ms,
            event_ms=settings.budget.call_ms,
        )

    # serving -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Load rules, routes and remembered answers; what is missing or broken is told and does not stop the start."""
        self._journal.start(asyncio.get_running_loop())
        remembering = self._journal.load_remembered(self._settings.remembered.max_entries)
        if self._live:
            await self._live.start(self._in_thread)
        await self._try("the stored rules", self._take_rules())
        await self._try("the synced routes", self._take_routes())
        await asyncio.wait({remembering}, timeout=LOAD_REMEMBERED_S)
        if remembering.done():
            self._tiers.remembered.absorb(remembering.result())
        else:
            remembering.add_done_callback(lambda done: self._tiers.remembered.absorb(done.result()))
            self._log.error("the remembered answers could not be read in time; calls go on without them")

    async def _try(self, what: str, taking: Coroutine[Any, Any, int]) -> None:
        try:
            await taking
        except FallbackrouterError as error:
            self._log.error(f"{what} cannot be used: {error}")

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Take calls on listening sockets."""
        await self.server.start(sockets)

    async def rules_changed(self) -> int:
        """Take the latest stored rules and return how many they are; where they cannot be read, the former serve.

        Raises:
            FallbackrouterError: why they cannot be read.
        """
        return await self._take_rules()

    async def routes_changed(self) -> int:
        """Take the latest routes.db and return how many rows it has; where it cannot be read, the former serve.

        Raises:
            FallbackrouterError: why it cannot be read.
        """
        return await self._take_routes()

    async def _take_rules(self) -> int:
        override, fallback = await self._in_thread(self._read_rulebooks)
        self._tiers.override.swap(override)
        self._tiers.fallback.swap(fallback)
        self._grammar = self._make_grammar(override.stages | fallback.stages)
        self.rules = len(override) + len(fallback)
        return self.rules

    def _read_rulebooks(self) -> tuple[Rulebook, Rulebook]:
        latest = latest_ruleset(self._journal_path)
        rules = load_rules(latest.body, load_zone) if latest else ()
        return (
            Rulebook(rule for rule in rules if rule.tier == OVERRIDE),
            Rulebook(rule for rule in rules if rule.tier == FALLBACK),
        )

    async def _take_routes(self) -> int:
        table = await self._in_thread(self._read_routes)
        former = self._tiers.synced.swap(table)
        self.routes = table.count
        if isinstance(former, RoutesCopy):
            former.close()
        return self.routes

    def _read_routes(self) -> RoutesCopy:
        return RoutesCopy.load(
            self._routes_path, gate=self._gate, load_zone=load_zone, default_zone=default_zone(self._settings)
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._loader, work)

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

    def counters(self) -> Mapping[str, int | float]:
        """Return what was counted since the start."""
        counts: dict[str, int | float] = {**self._router.counts, **self.server.counts}
        counts["held"] = self.server.held
        counts["tasks"] = len(asyncio.all_tasks())
        counts["journal_pending"] = self._journal.pending
        counts["remembered"] = len(self._tiers.remembered)
        if self._live:
            counts |= self._live.counters()
        return counts

    async def close(self, within_s: float) -> None:
        """Take no more calls, finish those in hand within so long, write the journal."""
        self.server.stop_accepting()
        flush_s = min(FLUSH_S, within_s / 2)
        await self.server.drain(within_s - flush_s)
        if self._live:
            await self._live.close()
        await self._journal.close(flush_s)
        self._loader.shutdown(wait=False, cancel_futures=True)


def _without_live(policies: Policies) -> Policies:
    def local(policy: Policy) -> Policy:
        return replace(policy, order=tuple(tier for tier in policy.order if tier != LIVE))

    by_did = tuple((condition, local(policy)) for condition, policy in policies.by_did)
    return Policies(local(policies.default), by_did)


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
