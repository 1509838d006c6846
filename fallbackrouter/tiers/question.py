"""One question on its way to the CRM, and what its end means for the calls that wait for it."""

from contextvars import Context, copy_context
from typing import TYPE_CHECKING

from fallbackrouter.core.breaker import Version
from fallbackrouter.core.call import Call
from fallbackrouter.core.verdict import TimedOut, Unavailable, Verdict
from fallbackrouter.crm.drill import fault_met_in
from fallbackrouter.crm.drill_mark import marked

if TYPE_CHECKING:
    import asyncio

    from fallbackrouter.crm.wire import LiveReply


class Question:
    """One request, and how many calls wait for it.

    Attributes:
        sent_s: when it was sent, monotonic.
        until_s: when it is late.
        asked: the breaker's version when it was sent; None once the breaker has been told how it ended, or without one.
        holds_place: it counts as in flight.
        context: its task's, where a drill leaves what the question met.
    """

    def __init__(self, call: Call, sent_s: float, until_s: float, asked: Version | None) -> None:
        self.call = call
        self.sent_s = sent_s
        self.until_s = until_s
        self.asked = asked
        self.waiters = 0
        self.holds_place = True
        self.late = False
        self.timer: asyncio.TimerHandle | None = None
        self.context: Context = copy_context()
        self.task: asyncio.Task[LiveReply]

    def timed_out(self, within_s: float) -> Verdict:
        """Return what a call is told that waited in vain for so long."""
        return marked(TimedOut(f"no answer within {within_s * 1000:.0f} ms"), fault_met_in(self.context))

    @property
    def verdict(self) -> Verdict:
        """What the call is told; only once the task is done."""
        if self.task.cancelled():
            return Unavailable("the question was cancelled")
        if self.task.exception() is not None:
            return Unavailable("asking the CRM failed in our own code; see the log")
        return self.task.result().verdict
