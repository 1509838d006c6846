"""Loads what a call worker answers from: the stored rules, the CRM's routes, the remembered answers.

Rules: whatever may stall (a disk, a large table) is loaded in a thread of its own, never in the default executor; what
is new is swapped in between two calls; a source that cannot be loaded leaves the former one serving.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import load_zone
from fallbackrouter.config.build import default_zone, grammar_paths
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.route import Gate
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, OVERRIDE
from fallbackrouter.daemon.call_tiers import CallTiers
from fallbackrouter.jobs.sync_state import load_state
from fallbackrouter.rulesfile.compiled import load as load_rules
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.route_facts import route_facts
from fallbackrouter.store.routes import RoutesCopy
from fallbackrouter.store.rulesets import latest_ruleset

LOAD_REMEMBERED_S = 10.0
"""How long a start waits for the remembered answers; calls are worth more."""

T = TypeVar("T")


class CallSources:
    """Fills the tiers, at the start and whenever something has changed.

    Args:
        data_dir: holds journal.db and routes.db.
        tiers: what is filled.

    Attributes:
        grammar: what paths and stages mean by the rules that serve.
        rules: how many rules serve.
        routes: how many rows of the CRM's feed serve.
    """

    def __init__(
        self, settings: Settings, *, data_dir: Path, gate: Gate, read_number: ReadNumber, tiers: CallTiers, log: Any
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._gate = gate
        self._read_number = read_number
        self._tiers = tiers
        self._log = log
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self.grammar = self._make_grammar(frozenset())
        self._copy: RoutesCopy | None = None
        self._taking_routes = asyncio.Lock()
        self.rules = 0
        self.routes = 0

    def _make_grammar(self, rule_stages: frozenset[str]) -> Grammar:
        return Grammar(
            paths=grammar_paths(self._settings),
            event_stages=frozenset(self._settings.events.stages),
            known_stages=rule_stages,
            read_number=self._read_number,
        )

    async def load(self, journal: JournalWriter, prepare: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        """Load everything; what is missing or broken is told and does not stop the start.

        Args:
            journal: has been started.
            prepare: done while the remembered answers are being read, None for nothing.
        """
        remembering = journal.load_remembered(self._settings.remembered.max_entries)
        if prepare is not None:
            await prepare()
        await self._try("the stored rules", self.take_rules())
        await self._try("the synced routes", self.take_routes())
        await asyncio.wait({remembering}, timeout=LOAD_REMEMBERED_S)
        if remembering.done():
            self._tiers.absorb(remembering.result())
        else:
            remembering.add_done_callback(lambda done: self._tiers.absorb(done.result()))
            self._log.error("the remembered answers could not be read in time; calls go on without them")

    async def _try(self, what: str, taking: Coroutine[Any, Any, int]) -> None:
        try:
            await taking
        except FallbackrouterError as error:
            self._log.error(f"{what} cannot be used: {error}")

    async def take_rules(self) -> int:
        """Take the latest stored rules and return how many they are; where they cannot be read, the former serve.

        Raises:
            FallbackrouterError: why they cannot be read.
        """
        override, fallback = await self.in_thread(self._read_rulebooks)
        self._tiers.override.swap(override)
        self._tiers.fallback.swap(fallback)
        self.grammar = self._make_grammar(override.stages | fallback.stages)
        self.rules = len(override) + len(fallback)
        return self.rules

    def _read_rulebooks(self) -> tuple[Rulebook, Rulebook]:
        latest = latest_ruleset(self._data_dir / "journal.db")
        rules = load_rules(latest.body, load_zone) if latest else ()
        return (
            Rulebook(rule for rule in rules if rule.tier == OVERRIDE),
            Rulebook(rule for rule in rules if rule.tier == FALLBACK),
        )

    async def take_routes(self) -> int:
        """Take the latest routes.db and return how many rows it has; where it cannot be read, the former serve.

        Raises:
            FallbackrouterError: why it cannot be read.
        """
        # One at a time: two words of new routes at once would else hold three copies, and leave one behind.
        async with self._taking_routes:
            serving = self._copy
            table = await self.in_thread(lambda: self._read_routes(serving))
            if table is not serving:
                self._tiers.synced.swap(table)
                self._copy = table
                self.routes = table.count
                if serving is not None:
                    await self.in_thread(serving.close)
            return self.routes

    def routes_age_s(self, now_at: datetime) -> float | None:
        """Return for how long the CRM has not said that the routes that serve hold; None: no routes, or not known."""
        synced_at = self._copy.synced_at if self._copy is not None and self._copy.count else None
        return None if synced_at is None else max(0.0, (now_at - synced_at).total_seconds())

    def _read_routes(self, serving: RoutesCopy | None) -> RoutesCopy:
        """Return the routes that lie there now: those that serve where they are the same, told how old they are."""
        path = self._data_dir / "routes.db"
        facts, state = route_facts(path), load_state(self._data_dir)
        if serving is None or facts is None or not facts.generation or facts.generation != serving.generation:
            serving = RoutesCopy.load(
                path, gate=self._gate, load_zone=load_zone, default_zone=default_zone(self._settings)
            )
        if serving.generation and state.generation == serving.generation and state.synced_at is not None:
            serving.synced_at = state.synced_at
        return serving

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do something that may stall."""
        return await asyncio.get_running_loop().run_in_executor(self._loader, work)

    def close(self) -> None:
        """Begin nothing more; what is being loaded is not waited for."""
        self._loader.shutdown(wait=False, cancel_futures=True)
