"""Whether a call asks the CRM: core.breaker with a clock, an even chance, and those who want to know of its changes.

Its rules:

- a request is taken once, with the version of when it was asked; it was slow where it had the whole `live_ms` of its
  call and did not answer, never because a call with a fresh remembered answer waited shorter;
- a change that happened here is told on (incident, log, the other workers), one taken over from another worker is not;
- one worker of a router leads: it probes. It is the one where the last change happened, until the parent says another.
"""

import asyncio
from collections.abc import Callable

from fallbackrouter.clock import Clock
from fallbackrouter.core.breaker import Breaker, BreakerRules, Change, NotCounted, State, Version, outcome_of
from fallbackrouter.core.call import Call
from fallbackrouter.core.verdict import Skipped, TimedOut, Verdict

WHOLE = 0.95
"""A question that got so much of its `live_ms` got all of it: what comes before takes its part of the call's time."""


class LiveBreaker:
    """One worker's breaker.

    Args:
        live_s: the most that the question of a call may be on its way, by the call's policy, in seconds.
        chance: draws evenly from 0 up to below 1.
        on_change: is told of every change that happened here.

    Attributes:
        leads: this worker is the one that probes.
        stirred: set whenever the next probe may be due at another time.
        refused: how many calls were not let through.
    """

    def __init__(
        self,
        rules: BreakerRules,
        *,
        clock: Clock,
        live_s: Callable[[Call], float],
        chance: Callable[[], float],
        on_change: Callable[[Change], None],
    ) -> None:
        self._breaker = Breaker(rules)
        self._clock = clock
        self._live_s = live_s
        self._chance = chance
        self._on_change = on_change
        self.leads = False
        self.stirred = asyncio.Event()
        self.refused = 0

    @property
    def last(self) -> Change:
        """What it is now, and since which change."""
        return self._breaker.last

    @property
    def version(self) -> Version:
        """What a request carries from when it is asked until its outcome is taken."""
        return self._breaker.version

    @property
    def due_probe_s(self) -> float | None:
        """When this worker has to probe, monotonic; None while it has not to."""
        return self._breaker.due_probe_s if self.leads else None

    def refuse(self) -> Skipped | None:
        """Tell why a call does not ask, None where it does."""
        if self._breaker.last.share >= 1:  # the usual case draws no chance
            return None
        return None if self._breaker.allows(self._chance()) else self._refusal()

    def refuse_waiting(self) -> Skipped | None:
        """Tell why a call that was let through and waited for its turn does not ask after all, None where it does."""
        return self._refusal() if self._breaker.last.state is State.OPEN else None

    def _refusal(self) -> Skipped:
        self.refused += 1
        last = self._breaker.last
        if last.state is State.OPEN:
            return Skipped(f"breaker open: {last.reason}")
        return Skipped(f"breaker half open: {last.share:.0%} of calls ask")

    def had_all(self, call: Call, took_s: float) -> bool:
        """Tell whether a question was on its way for all that its call's `live_ms` allows."""
        return took_s >= self._live_s(call) * WHOLE

    def took(self, verdict: Verdict, asked: Version, *, past_live_ms: bool) -> None:
        """Take how a call's request ended, once each.

        Args:
            asked: `version` when it was sent.
            past_live_ms: it had all of `live_ms`, or came after it.
        """
        outcome = outcome_of(verdict, past_live_ms=past_live_ms)
        if not isinstance(outcome, NotCounted):
            self._tell(self._breaker.took(outcome, self._clock.now_s(), asked))

    def probed(self, verdict: Verdict, asked: Version) -> None:
        """Take how a probe ended; TimedOut where its own deadline ended it."""
        outcome = outcome_of(verdict, past_live_ms=isinstance(verdict, TimedOut))
        self._tell(self._breaker.probed(outcome, self._clock.now_s(), asked))

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            self.leads = True
            self.stirred.set()
            self._on_change(change)

    def adopt(self, version: Version, reason: str, *, leads: bool) -> Change | None:
        """Take over what another worker found, where it is newer, and whether this worker probes from now on."""
        self.leads = leads
        self.stirred.set()
        return self._breaker.adopt(version, reason, self._clock.now_s())
