"""How many events may be on their way to the CRM now: the breaker of delivery, its pace, and the CRM's own word.

Its rules:

- the breaker is delivery's own: that questions fail says little of events, and the other way round. While it is open,
  an event that is due is sent from time to time, alone, and one that is taken lets the others follow;
- a CRM that says when to come back is left alone until then, at most an hour, and no failure is counted;
- a nudge ends what the CRM asked for, as a person has a reason for it; the breaker stays as it is.
"""

from collections.abc import Callable

from fallbackrouter.clock import Clock
from fallbackrouter.core.breaker import Breaker, BreakerRules, Change, State, Version
from fallbackrouter.core.receipt import Receipt, outcome_of
from fallbackrouter.jobs.pace import Pace

RULES = BreakerRules(good_probes=1, steps=(1.0,), probe_cap_s=15.0)
"""Nobody waits for an event, so the first one that is taken again opens the way for `max_in_flight` of them."""


class Valve:
    """Says how many may go, and learns from how they went.

    Args:
        max_in_flight: the most at once.
        max_rate: the most a second; 0: no limit.
        on_change: is told of each change of the breaker.
    """

    def __init__(
        self,
        *,
        max_in_flight: int,
        max_rate: float,
        clock: Clock,
        on_change: Callable[[Change], None],
        rules: BreakerRules = RULES,
    ) -> None:
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._on_change = on_change
        self._breaker = Breaker(rules)
        self._pace = Pace(max_rate, clock.now_s())
        self._paused_until_s = 0.0
        self._paused_for_s = 0.0

    @property
    def version(self) -> Version:
        """What a send carries from when it begins until its receipt is taken."""
        return self._breaker.version

    @property
    def last(self) -> Change:
        """The breaker's state, since which change."""
        return self._breaker.last

    @property
    def is_open(self) -> bool:
        """Only one event at a time is tried, to find out whether the CRM is back."""
        return self._breaker.last.state is State.OPEN

    def room(self, in_hand: int) -> int:
        """Return how many more may be sent now, beside those in hand."""
        now_s = self._clock.now_s()
        if now_s < self._paused_until_s:
            return 0
        if self.is_open:
            return int(not in_hand and now_s >= (self._breaker.due_probe_s or 0.0))
        return self._pace.room(now_s, max(0, self._max_in_flight - in_hand))

    def sent(self, count: int) -> None:
        """So many of `room` were begun."""
        self._pace.sent(count)

    def rest_s(self) -> float:
        """Return the seconds until there may be room again, for a reason other than what is in hand; 0 for none."""
        now_s = self._clock.now_s()
        if now_s < self._paused_until_s:
            return self._paused_until_s - now_s
        if self.is_open:
            return max(0.0, (self._breaker.due_probe_s or 0.0) - now_s)
        return self._pace.rest_s()

    def took(self, receipt: Receipt, asked: Version) -> None:
        """Take how a send ended, once each; `asked` is `version` when it began."""
        now_s = self._clock.now_s()
        if receipt.pause_s:
            self._paused_for_s = receipt.pause_s
            self._paused_until_s = max(self._paused_until_s, now_s + receipt.pause_s)
        outcome = outcome_of(receipt)
        take = self._breaker.took if asked.level else self._breaker.probed
        change = take(outcome, now_s, asked)
        if change is not None:
            self._on_change(change)

    def nudge(self) -> None:
        """End a pause that the CRM asked for."""
        self._paused_until_s = 0.0

    @property
    def waits(self) -> str:
        """Why nothing, or nearly nothing, is sent now; "" where nothing holds it up."""
        left_s = self._paused_until_s - self._clock.now_s()
        if left_s > 0:
            return f"the CRM asked to wait {self._paused_for_s:.0f} s, {left_s:.0f} s are left"
        return f"breaker open: {self._breaker.last.reason}" if self.is_open else ""
