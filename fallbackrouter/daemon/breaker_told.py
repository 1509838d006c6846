"""Every change of the breaker that happened in this worker: put on record, into the log, and to the other workers."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.control.lines import Message
from fallbackrouter.core.breaker import Change, State
from fallbackrouter.log import Log

PART = "crm breaker"
"""The incidents' part."""


class Incidents(Protocol):
    """Who keeps incidents: the journal."""

    def record_incident(self, part: str, state: str, reason: str, at: datetime) -> None:
        """Record a change of state of a part; never waits."""
        ...


class BreakerTold:
    """Call it with each change."""

    def __init__(self, journal: Incidents, log: Log, clock: Clock) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._tell: Callable[[Message], None] | None = None

    def share(self, tell: Callable[[Message], None]) -> None:
        """Have the other workers told, from now on."""
        self._tell = tell

    def __call__(self, change: Change) -> None:
        """Tell of a change."""
        state = change.state.replace("_", " ")
        shown = f"{state}, {change.share:.0%}" if change.state is State.HALF_OPEN else state
        self._journal.record_incident(PART, shown, change.reason, self._clock.now_at())
        say = self._log.warning if change.state is State.OPEN else self._log.info
        say("the breaker of the CRM has changed", state=state, share=change.share, reason=change.reason)
        if self._tell:
            self._tell(
                {
                    "version": list(change.version),
                    "state": str(change.state),
                    "share": change.share,
                    "reason": change.reason,
                }
            )
