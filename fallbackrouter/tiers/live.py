"""The tier `live`: the CRM, asked now, within a budget that is enforced outside the client.

Rules: at most `max_in_flight` questions at once; up to `max_waiting` calls wait for one of them inside their own
budget, the rest are told at once, before a request is built. A question whose call no longer waits is cancelled and
frees its place, but for `max_late` of them, which may go on for `late_ms` more so that their answer is remembered. A
call with a fresh remembered answer waits shorter; its question goes on behind it inside the ordinary budget. The
breaker is asked first of all, and is told once of each question: at its end, or when its time was up.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.core.call import Call
from fallbackrouter.core.verdict import Hit, Miss, Skipped, TimedOut, Verdict
from fallbackrouter.crm.wire import LiveReply
from fallbackrouter.log import get_log
from fallbackrouter.tiers.breaker import LiveBreaker
from fallbackrouter.tiers.question import Question
from fallbackrouter.tiers.remembered import RememberedTier, question_key

log = get_log("tiers")

HELD_UP_S = 0.1
"""A question's time that is seen to be up so much too late says that we were held up, and nothing about the CRM."""


class CrmDoor(Protocol):
    """Who asks the CRM; may hang, may be cancelled at any moment."""

    async def ask(self, call: Call, decision_id: str, budget_ms: int) -> LiveReply:
        """Ask where a call goes; never raises but CancelledError."""
        ...


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """A verdict and where its time went, in ms; `live_ms` is None where the CRM was not asked."""

    verdict: Verdict
    queue_ms: float
    live_ms: float | None


class LiveTier:
    """Asks the CRM on behalf of calls.

    Args:
        memory: learns from every answer, also from late ones, but those to test calls.
        max_in_flight: questions at once.
        max_waiting: calls that may wait for one of them.
        max_late: questions that may outlive their call.
        late_ms: by how much they may.
        coalesce: one question for calls that ask the same at once.
        breaker: keeps calls from a CRM that fails; None: every call asks.
    """

    def __init__(
        self,
        crm: CrmDoor,
        *,
        memory: RememberedTier,
        clock: Clock,
        max_in_flight: int,
        max_waiting: int,
        max_late: int,
        late_ms: float,
        coalesce: bool = False,
        breaker: LiveBreaker | None = None,
    ) -> None:
        self._crm = crm
        self._memory = memory
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._max_waiting = max_waiting
        self._max_late = max_late
        self._late_s = late_ms / 1000
        self._coalesce = coalesce
        self._breaker = breaker
        self._in_flight = 0
        self._late = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._open: dict[str, Question] = {}
        self._questions: set[Question] = set()

    @property
    def in_flight(self) -> int:
        """Questions that hold a place."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for a place."""
        return len(self._queue)

    async def ask(self, call: Call, decision_id: str, within_s: float, lasts_s: float) -> LiveAnswer:
        """Ask the CRM where this call goes.

        Args:
            within_s: seconds that the call may spend here; above 0.
            lasts_s: seconds that the question may be on its way before it is late; at least `within_s`.

        Never raises but CancelledError.
        """
        kept_out = self._breaker.refuse() if self._breaker else None
        if kept_out is not None:
            return LiveAnswer(kept_out, 0.0, None)
        begun_s = self._clock.now_s()
        question = self._joinable(call)
        if question is None:
            refused = await self._take_place(within_s)
            if refused is not None:
                return LiveAnswer(refused, self._ms_since(begun_s), None)
            question = self._ask_crm(call, decision_id, begun_s + lasts_s)
        queued_s = self._clock.now_s()
        verdict = await self._wait(question, max(0.001, within_s - (queued_s - begun_s)))
        return LiveAnswer(verdict, (queued_s - begun_s) * 1000, self._ms_since(queued_s))

    def _ms_since(self, begun_s: float) -> float:
        return (self._clock.now_s() - begun_s) * 1000

    # places ------------------------------------------------------------------------------------------------------

    async def _take_place(self, within_s: float) -> Verdict | None:
        """Take a place among the questions in flight; None when it was got, else why not."""
        if self._in_flight < self._max_in_flight:
            self._in_flight += 1
            return None
        if len(self._queue) >= self._max_waiting:
            return Skipped(f"{self._in_flight} questions are in flight and {len(self._queue)} calls wait")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await asyncio.wait({place}, timeout=within_s)
        except asyncio.CancelledError:
            self._give_up(place)
            raise
        refused = self._breaker.refuse_waiting() if self._breaker else None
        if place.done() and refused is None:
            return None
        self._give_up(place)
        return refused or TimedOut("no question to the CRM became free in time")

    def _give_up(self, place: asyncio.Future[None]) -> None:
        if place.done():
            self._free_place()
        else:
            self._queue.remove(place)
            place.cancel()

    def _free_place(self) -> None:
        """Hand a place to the call that waits longest, or note that it is free."""
        if self._queue:
            self._queue.popleft().set_result(None)
        else:
            self._in_flight -= 1

    # questions ---------------------------------------------------------------------------------------------------

    def _joinable(self, call: Call) -> Question | None:
        if not self._coalesce or call.caller.withheld or call.test:
            return None
        return self._open.get(question_key(call))

    def _ask_crm(self, call: Call, decision_id: str, until_s: float) -> Question:
        now_s = self._clock.now_s()
        question = Question(call, now_s, until_s, self._breaker.version if self._breaker else None)
        budget_ms = max(1, int((until_s - now_s) * 1000))
        question.task = asyncio.create_task(self._crm.ask(call, decision_id, budget_ms), context=question.context)
        self._questions.add(question)
        if self._coalesce:
            self._open.setdefault(question_key(call), question)
        question.task.add_done_callback(lambda _task: self._ended(question))
        return question

    async def _wait(self, question: Question, within_s: float) -> Verdict:
        question.waiters += 1
        try:
            await asyncio.wait({question.task}, timeout=within_s)
        finally:
            question.waiters -= 1
            if not question.task.done() and question.waiters == 0:
                self._leave(question)
        if question.task.done():
            return question.verdict
        return question.timed_out(within_s)

    def _leave(self, question: Question) -> None:
        """Nobody waits for this question any more: let it go on inside the budget, then late, or cancel it."""
        left_s = question.until_s - self._clock.now_s()
        if left_s > 0.001:  # noqa: PLR2004 - a millisecond is not worth a timer
            self._later(question, left_s, self._turn_late)
        else:
            self._turn_late(question)

    def _turn_late(self, question: Question) -> None:
        if question.task.done() or question.waiters:
            return
        self._tell_of_slow(question)
        if question.late or self._late >= self._max_late or question.call.test:
            self._cancel(question)
            return
        question.late = True
        self._late += 1
        self._later(question, self._late_s, self._cancel)

    def _tell_of_slow(self, question: Question) -> None:
        """Tell the breaker of a question that had all of its time, before it ends; it may go on for long."""
        if self._had_all(question):
            held_up = self._clock.now_s() - question.until_s > HELD_UP_S
            self._tell(question, TimedOut(), past_live_ms=not held_up)

    def _had_all(self, question: Question) -> bool:
        took_s = self._clock.now_s() - question.sent_s
        return self._breaker is not None and self._breaker.had_all(question.call, took_s)

    def _tell(self, question: Question, verdict: Verdict, *, past_live_ms: bool) -> None:
        """Tell the breaker how a question ended, once."""
        asked, question.asked = question.asked, None
        if self._breaker and asked is not None:
            self._breaker.took(verdict, asked, past_live_ms=past_live_ms)

    def _later(self, question: Question, after_s: float, then: Callable[[Question], None]) -> None:
        if question.timer is not None:
            question.timer.cancel()
        question.timer = asyncio.get_running_loop().call_later(after_s, then, question)

    def _cancel(self, question: Question) -> None:
        question.task.cancel()
        self._release(question)

    def _release(self, question: Question) -> None:
        """Free what the question holds, whether or not its client has let go of it yet."""
        if question.timer is not None:
            question.timer.cancel()
        key = question_key(question.call)
        if self._open.get(key) is question:
            del self._open[key]
        if question.late:
            question.late = False
            self._late -= 1
        if question.holds_place:
            question.holds_place = False
            self._free_place()

    def _ended(self, question: Question) -> None:
        late = question.late
        self._release(question)
        self._questions.discard(question)
        if question.task.cancelled():
            return
        error = question.task.exception()
        if error is not None:
            log.error("asking the CRM failed in our own code", exc_info=error)
            return
        reply = question.task.result()
        self._tell(question, reply.verdict, past_live_ms=late and self._had_all(question))
        if not question.call.test:
            self._learn(question.call, reply, self._clock.now_at())

    def _learn(self, call: Call, reply: LiveReply, at: datetime) -> None:
        if isinstance(reply.verdict, Hit):
            self._memory.remember(call, reply.verdict.route, reply.ttl_s, at)
        elif isinstance(reply.verdict, Miss):
            self._memory.forget(call)

    async def close(self) -> None:
        """Cancel what is on its way."""
        for question in list(self._questions):
            question.task.cancel()
        tasks = {question.task for question in self._questions}
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
