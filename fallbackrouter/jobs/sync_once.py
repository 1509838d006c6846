"""One sync: asks the CRM for routes, and makes them visible whole, or leaves what serves as it is.

Its rules: one at a time, by a lock on a file; what was learned (age, cursor, rows set aside, why it failed) is kept
beside the routes, the routes first, so that a crash in between costs a full feed and never a route.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import FallbackrouterError, FeedError, StoreError
from fallbackrouter.jobs.feed import PLAIN, FeedShape
from fallbackrouter.jobs.feed_rows import Reject, RowReader
from fallbackrouter.jobs.intake import Intake, Limits, OnProgress, refuse_where_doubtful
from fallbackrouter.jobs.sync_pages import Feed, PageReader, Told
from fallbackrouter.jobs.sync_state import (
    FAILING,
    OK,
    LastSync,
    SyncState,
    load_state,
    save_rejects,
    save_state,
)
from fallbackrouter.store.faults import DamagedError
from fallbackrouter.store.route_draft import MAX_PATTERNS, RouteDraft
from fallbackrouter.store.route_facts import RouteFacts, route_facts
from fallbackrouter.store.route_row import Changes

LOCK = "routes.lock"


@dataclass(frozen=True, slots=True)
class Ask:
    """How a sync is to be done.

    Attributes:
        full: ask for all routes, whatever is known.
        dry_run: check, and change nothing.
        origin: names the feed and how it is read; a delta goes on from routes of the same origin alone.
        source: the feed's name for people.
        shape: what its parts are called.
    """

    limits: Limits
    origin: str
    source: str = "the routes feed"
    full: bool = False
    dry_run: bool = False
    max_patterns: int = MAX_PATTERNS
    shape: FeedShape = PLAIN


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did; `changes` is None where the CRM said that nothing is new, `rejects` are the first set aside."""

    changes: Changes | None
    full: bool
    rows: int
    set_aside: int
    took_s: float
    rejects: tuple[Reject, ...] = ()

    @property
    def new(self) -> bool:
        """There is a new generation of routes."""
        return self.changes is not None


class SyncBusyError(FeedError):
    """Another sync is running."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the lock on the routes.

    Raises:
        SyncBusyError: another sync holds it.
        StoreError: it cannot be made.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{folder / LOCK} cannot be opened: {(error.strerror or 'unknown').lower()}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise SyncBusyError(
            "another sync is running; wait for it, `fallbackrouter routes status` tells of it"
        ) from None
    finally:
        os.close(descriptor)


class Sync:
    """One run against a feed.

    Args:
        routes: routes.db; the state lies beside it.
        on_progress: told of rows and bytes so far.
    """

    def __init__(
        self, routes: Path, *, feed: Feed, reader: RowReader, clock: Clock, on_progress: OnProgress | None = None
    ) -> None:
        self._routes = routes
        self._folder = routes.parent
        self._feed = feed
        self._reader = reader
        self._clock = clock
        self._on_progress = on_progress

    async def run(self, ask: Ask) -> Outcome:
        """Sync once.

        Raises:
            SyncBusyError: another one is running; nothing was noted.
            FeedError: the feed was refused or could not be had; noted, and the former routes serve on.
            StoreError: the disk is in the way; noted where it can be.
        """
        with only_one(self._folder):
            state = load_state(self._folder)
            begun_s, at = self._clock.now_s(), self._clock.now_at()
            try:
                outcome, state = await self._sync_or_anew(ask, state, at, begun_s)
            except FallbackrouterError as error:
                if not ask.dry_run:
                    with suppress(StoreError):
                        save_state(self._folder, _failed(state, error, at))
                raise
            if not ask.dry_run:
                save_state(self._folder, state)
            return outcome

    async def _sync_or_anew(
        self, ask: Ask, state: SyncState, at: datetime, begun_s: float
    ) -> tuple[Outcome, SyncState]:
        """Sync; where the file that a delta has to go on from is damaged, ask for all routes: it is only a cache."""
        try:
            return await self._sync(ask, state, at, begun_s)
        except DamagedError:
            if ask.full:
                raise
            return await self._sync(replace(ask, full=True), state, at, begun_s)

    async def _sync(self, ask: Ask, state: SyncState, at: datetime, begun_s: float) -> tuple[Outcome, SyncState]:
        facts = route_facts(self._routes)
        known = _known(facts, state, ask)
        asked = self._feed.first(known.cursor)
        draft = RouteDraft(self._routes, delta=bool(known.cursor), max_patterns=ask.max_patterns)
        intake = Intake(draft, self._reader)
        try:
            told = await PageReader(self._feed, intake, ask.shape, self._on_progress).read(
                known.cursor, known.etag if known.etag_url == asked else ""
            )
            if told.full:
                draft.become_full()
            changes = None if _brought_nothing(told, intake) else draft.lay()
            if changes is not None:
                refuse_where_doubtful(ask.source, changes, intake, ask.limits, full=told.full)
            if changes is not None and not ask.dry_run:
                generation = self._clock.new_id()
                new = {"generation": generation, "cursor": told.cursor, "origin": ask.origin}
                draft.publish(changes, synced_at=at, facts=new)
                known = _Known(generation, told.cursor)
        finally:
            draft.discard()
            if not ask.dry_run and intake.rows:
                save_rejects(self._folder, intake.rejects)
        outcome = Outcome(
            changes, told.full, intake.rows, intake.set_aside, self._clock.now_s() - begun_s, tuple(intake.rejects)
        )
        etag = told.etag or (known.etag if told.unchanged else "")
        known = replace(known, cursor=told.cursor or known.cursor, etag=etag, etag_url=asked)
        return outcome, _well(state, known, outcome, at)


@dataclass(frozen=True, slots=True)
class _Known:
    generation: str = ""
    cursor: str = ""
    etag: str = ""
    etag_url: str = ""


def _known(facts: RouteFacts | None, state: SyncState, ask: Ask) -> _Known:
    """Return what may be asked with: nothing where the routes are gone, or came from elsewhere."""
    if facts is None or facts.origin != ask.origin or not facts.generation:
        return _Known()
    same = state.generation == facts.generation
    if ask.full:
        return _Known(facts.generation)
    cursor = (state.cursor if same else "") or facts.cursor
    return _Known(facts.generation, cursor, state.etag if same else "", state.etag_url)


def _brought_nothing(told: Told, intake: Intake) -> bool:
    return told.unchanged or (not told.full and not intake.rows and not told.deleted)


def _well(state: SyncState, known: _Known, outcome: Outcome, at: datetime) -> SyncState:
    changes = outcome.changes
    last = state.last
    if changes is not None:
        last = LastSync(
            full=outcome.full,
            rows=outcome.rows,
            count=changes.count,
            added=changes.added,
            changed=changes.changed,
            removed=changes.removed,
            unchanged=changes.unchanged,
            set_aside=outcome.set_aside,
            took_s=round(outcome.took_s, 3),
        )
    return SyncState(
        generation=known.generation,
        synced_at=at,
        cursor=known.cursor,
        etag=known.etag,
        etag_url=known.etag_url,
        state=OK,
        since=state.since if state.state == OK else at,
        tried_at=at,
        last=last,
    )


def _failed(state: SyncState, error: FallbackrouterError, at: datetime) -> SyncState:
    return msgspec.structs.replace(
        state,
        state=FAILING,
        since=state.since if state.state == FAILING else at,
        error=str(error),
        failures=state.failures + 1,
        tried_at=at,
        retry_after_s=getattr(error, "retry_after_s", None),
    )
