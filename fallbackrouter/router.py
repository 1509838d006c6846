"""Drives the walk: the only place that waits on behalf of a call.

Rules: every question ends in exactly one Decision, whatever a tier does; each wait has a deadline that is enforced
here; a record that is not on disk in time is answered all the same, as *unrecorded*, and goes on being tried behind.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from fallbackrouter.clock import Clock
from fallbackrouter.core.call import Call
from fallbackrouter.core.deadline import Deadline
from fallbackrouter.core.decided import Decided
from fallbackrouter.core.decision import Decision, Event, Outcome, Times
from fallbackrouter.core.policy import Policies
from fallbackrouter.core.route import Route
from fallbackrouter.core.tally import Tally
from fallbackrouter.core.tier import LIVE
from fallbackrouter.core.verdict import Unavailable, Verdict
from fallbackrouter.core.walk import Ask, Walk
from fallbackrouter.log import get_log
from fallbackrouter.tiers.live import LiveAnswer

log = get_log("router")

WRITE_MS = 5.0
"""Kept back from a call's budget for sending the answer."""
MIN_RECORD_S = 0.002
"""The least that an answer waits for its record, however late it is."""


class InstantTier(Protocol):
    """A tier that answers from memory."""

    def ask(self, call: Call, at: datetime) -> Verdict:
        """Answer at once."""
        ...


class Live(Protocol):
    """The tier that may take a while."""

    async def ask(self, call: Call, decision_id: str, within_s: float, lasts_s: float) -> LiveAnswer:
        """Answer within so many seconds."""
        ...


class Memory(Protocol):
    """What tells whether a fresh remembered answer is at hand."""

    def is_fresh(self, call: Call, at: datetime) -> bool:
        """Tell whether an answer inside its TTL is at hand."""
        ...


class Recorder(Protocol):
    """The journal, as calls see it: nothing in it waits; a future tells when a row is committed.

    Whoever waits for a future may end the wait by giving it the result False; the row goes on being tried all the same.
    """

    def record_decision(self, decision: Decision) -> asyncio.Future[bool]:
        """Record a decision; True once it is committed."""
        ...

    def record_event(self, event: Event) -> asyncio.Future[bool]:
        """Record an event; True once it is committed."""
        ...

    def record_times(self, decision_id: str, times: Times, ms: float) -> None:
        """Add what was known only once the answer had left."""
        ...


class Answered(Struct, frozen=True):
    """A decision on its way to the caller.

    Attributes:
        recorded: whether its commit came in time.
        started_s: when its question was complete, monotonic.
        call_ms: what it was meant to take at most.
    """

    decision: Decision
    recorded: bool
    started_s: float
    call_ms: float


class Reported(Struct, frozen=True):
    """An event taken; `recorded` tells whether its commit came in time."""

    event: Event
    recorded: bool


class Router:
    """Answers questions and takes events.

    Args:
        instant: tiers by name; one that the policy names and that is missing here is passed over.
        live: None where no CRM is configured.
        journal_ms: the most an answer waits for its own record.
        event_ms: the most an event waits for its commit.
    """

    def __init__(
        self,
        *,
        instant: Mapping[str, InstantTier],
        live: Live | None,
        memory: Memory,
        policies: Policies,
        last_resort: Route,
        journal: Recorder,
        clock: Clock,
        node: str,
        journal_ms: float,
        event_ms: float,
    ) -> None:
        self._instant = instant
        self._live = live
        self._memory = memory
        self._policies = policies
        self._last_resort = last_resort
        self._journal = journal
        self._clock = clock
        self._node = node
        self._journal_s = journal_ms / 1000
        self._event_ms = event_ms
        self._decided = Decided()
        self._tally = Tally()
        self._untold: list[Answered] = []
        self._commits = _Commits(self._journal_s)
        self.counts: dict[str, int] = {"decisions": 0, "events": 0, "unrecorded": 0, "tests": 0}

    async def answer(self, call: Call, *, started_s: float, read_ms: float, instant_only: str = "") -> Answered:
        """Decide where a call goes, and record it.

        Args:
            started_s: when the question was complete, monotonic; the budget counts from there.
            read_ms: what reading it took.
            instant_only: a reason not to ask the live CRM, "" to ask it.

        Never raises but CancelledError.
        """
        at = self._clock.now_at()
        decision_id = self._clock.new_id()
        policy = self._policies.of(call.did)
        walk = Walk(
            policy,
            self._last_resort,
            started_s,
            reserve_ms=self._journal_s * 1000 + WRITE_MS,
            fresh=self._live is not None and self._memory.is_fresh(call, at),
            live_refused=instant_only,
        )
        times = Times(read=read_ms)
        outcome = await self._drive(walk, call, at, decision_id, times)
        decision = Decision(
            decision_id=decision_id,
            at=at,
            node=self._node,
            call=call,
            route=outcome.route,
            source=outcome.source,
            rule=outcome.rule,
            status=outcome.status,
            steps=outcome.steps,
            times=times,
            next_route=outcome.next_route,
        )
        within_s = min(
            self._journal_s, Deadline.after(started_s, policy.call_ms - WRITE_MS).left_s(self._clock.now_s())
        )
        recorded = await self._record(decision, within_s)
        answered = Answered(decision, recorded, started_s, policy.call_ms)
        self._untold.append(answered)
        return answered

    async def _drive(self, walk: Walk, call: Call, at: datetime, decision_id: str, times: Times) -> Outcome:
        begun_s = now_s = self._clock.now_s()
        live_ms = 0.0
        while (step := walk.next_step(now_s)) is not None:
            if step.tier == LIVE and self._live is not None:
                answer = await self._ask_live(self._live, step, call, decision_id)
                times.live_queue, times.live = answer.queue_ms, answer.live_ms
                verdict = answer.verdict
                now_s = self._clock.now_s()
                live_ms = answer.queue_ms + (answer.live_ms or 0.0)
            else:
                verdict = self._ask_instant(step, call, at)
                now_s = self._clock.now_s()
            walk.take(verdict, now_s)
        times.walk = max(0.0, (now_s - begun_s) * 1000 - live_ms)
        if walk.outcome is None:  # a walk without steps has ended; this says so to the type checker
            raise RuntimeError("a walk ended without an outcome")
        return walk.outcome

    async def _ask_live(self, live: Live, step: Ask, call: Call, decision_id: str) -> LiveAnswer:
        try:
            return await live.ask(call, decision_id, step.within_s, step.lasts_s)
        except Exception:
            log.exception("the live tier failed in our own code", decision=decision_id)
            return LiveAnswer(Unavailable("failed in our own code; see the log"), 0.0, None)

    def _ask_instant(self, step: Ask, call: Call, at: datetime) -> Verdict:
        tier = self._instant.get(step.tier)
        if tier is None:
            return Unavailable("not configured")
        try:
            return tier.ask(call, at)
        except Exception:
            log.exception("a tier failed in our own code", tier=step.tier)
            return Unavailable("failed in our own code; see the log")

    async def _record(self, decision: Decision, within_s: float) -> bool:
        self._decided.keep(decision.call, decision.decision_id)
        self.counts["tests" if decision.call.test else "decisions"] += 1
        begun_s = self._clock.now_s()
        recorded = await self._commits.within(self._journal.record_decision(decision), max(MIN_RECORD_S, within_s))
        decision.times.journal = (self._clock.now_s() - begun_s) * 1000
        if not recorded:
            self.counts["unrecorded"] += 1
        return recorded

    async def report(self, call: Call, *, started_s: float, read_ms: float) -> Reported:
        """Take an event: stored, then answered; never a wait for the CRM.

        Args:
            started_s: when the report was complete, monotonic; the wait for its commit counts from there.
            read_ms: what reading it took.

        Never raises but CancelledError.
        """
        del read_ms  # an event has no trail to keep it in
        event = Event(self._clock.new_id(), self._clock.now_at(), self._node, call, self._decided.of(call))
        self.counts["events"] += 1
        within_s = Deadline.after(started_s, self._event_ms - WRITE_MS).left_s(self._clock.now_s())
        recorded = await self._commits.within(self._journal.record_event(event), max(MIN_RECORD_S, within_s))
        if not recorded:
            self.counts["unrecorded"] += 1
        return Reported(event, recorded)

    def sent(self, answered: Answered, write_ms: float) -> None:
        """Note that an answer has left, and what sending it took."""
        times = answered.decision.times
        times.write = write_ms
        ms = (self._clock.now_s() - answered.started_s) * 1000
        self._journal.record_times(answered.decision.decision_id, times, ms)
        self._tally.left(answered.decision, ms, answered.call_ms)
        self._count_untold()

    def _count_untold(self) -> None:
        """Count what was decided; when an answer has left, so that no call waits for it."""
        for one in self._untold:
            self._tally.took(one.decision, recorded=one.recorded)
        self._untold.clear()

    def tally(self) -> dict[str, Any]:
        """Return what was counted of decisions; see core.tally."""
        self._count_untold()
        return self._tally.told()


class _Commits:
    """Waits for commits; a record whose wait is over goes on being tried behind.

    Args:
        usual_s: how long most waits are; they end in the order in which they began, so one timer serves all of them.
    """

    def __init__(self, usual_s: float) -> None:
        self._usual_s = usual_s
        self._usual: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._watched = False

    async def within(self, future: asyncio.Future[bool], within_s: float) -> bool:
        """Tell whether a commit came within so long."""
        if future.done():
            return future.result()
        loop = future.get_loop()
        if within_s != self._usual_s:
            timer = loop.call_later(within_s, _stop_waiting, future)
            try:
                return await future
            finally:
                timer.cancel()
        self._usual.append((loop.time() + within_s, future))
        if not self._watched:
            self._watched = True
            loop.call_later(within_s, self._end_usual, loop)
        return await future

    def _end_usual(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the waits whose time is over, and come back for the next."""
        waits, now_s = self._usual, loop.time()
        while waits and (waits[0][1].done() or waits[0][0] <= now_s):
            _stop_waiting(waits.popleft()[1])
        self._watched = bool(waits)
        if waits:
            loop.call_later(waits[0][0] - now_s, self._end_usual, loop)


def _stop_waiting(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
