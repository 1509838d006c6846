"""What the parent knows of a drill: it spreads it to all call workers, tells of its begin and end, and ends it in time.

Its rules:

- one drill at a time, for at most an hour; a worker that starts meanwhile is told too, and gets what time is left;
- whoever asked for it may be gone: the workers end it by their own clocks, the parent notes that it is over;
- its begin and its end are incidents, so that nobody takes what happened meanwhile for the CRM's own fault.
"""

import math
from typing import Any

from fallbackrouter.clock import Clock
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import ControlError
from fallbackrouter.crm.drill import FAULTS, MAX_S, Drill
from fallbackrouter.daemon.parent_log import ParentLog
from fallbackrouter.daemon.team import Team

TELL_S = 3.0
"""What workers have to take a drill over."""
PART = "drill"
"""As incidents name it."""


class Drills:
    """Begins and ends drills."""

    def __init__(self, team: Team, *, clock: Clock, log: ParentLog) -> None:
        self._team = team
        self._clock = clock
        self._log = log
        self._drill: Drill | None = None
        self._number = 0
        self._began_s = 0.0

    async def begin(self, message: Message) -> Message:
        """Begin a drill.

        Args:
            message: `fault`; `for_s`; `share`, 1 where it is absent.

        Raises:
            ControlError: it cannot be meant so, another one is on, or a worker did not take it.
        """
        fault, for_s, share = _asked(message)
        if self.status() is not None:
            raise ControlError(f"{self._in_words()} is on already; end it first: `fallbackrouter drill --end`")
        self._number += 1
        self._began_s = self._clock.now_s()
        self._drill = Drill(fault, share, self._began_s + for_s)
        words = f"{self._in_words()} for {for_s:g} s"
        self._log.warning("a drill begins", drill=words)
        self._team.record_incident(PART, "began", words)
        try:
            await self._team.tell_workers(self.order(), TELL_S)
        except ControlError:
            await self.end("a worker did not take it over")
            raise
        return self.status() or {}

    async def end(self, why: str) -> bool:
        """End the drill that is on.

        Returns:
            False where there was none.

        Raises:
            ControlError: a worker did not say that it heard; its own clock ends the drill in time.
        """
        if not self._note_end(why):
            return False
        await self._team.tell_workers(self.order(), TELL_S)
        return True

    def look(self) -> None:
        """Note that the drill is over, once it is; the workers need not be told."""
        if self._drill is not None and self._clock.now_s() >= self._drill.until_s:
            self._note_end("its time is over")

    def close(self) -> None:
        """Note that the service stops in the middle of a drill."""
        self._note_end("the service stops")

    def _note_end(self, why: str) -> bool:
        if self._drill is None:
            return False
        self._log.warning("the drill is over", drill=self._in_words(), reason=why)
        self._team.record_incident(PART, "ended", f"{self._in_words()}: {why}")
        self._drill = None
        return True

    def greeting(self) -> Message | None:
        """Return what a worker is told that starts now, None where no drill is on."""
        return self.order() if self._drill else None

    def order(self) -> Message:
        """Return what call workers are told."""
        drill = self._drill
        if drill is None:
            return {"do": "drill", "fault": ""}
        return {"do": "drill", "fault": drill.fault, "share": drill.share, "until_s": drill.until_s}

    def status(self) -> dict[str, Any] | None:
        """Return what is on, None where nothing is."""
        self.look()
        drill = self._drill
        if drill is None:
            return None
        now_s = self._clock.now_s()
        on_s, left_s = round(now_s - self._began_s, 1), round(drill.until_s - now_s, 1)
        facts = {"fault": drill.fault, "share": drill.share, "on_s": on_s, "left_s": left_s}
        return {"number": self._number, **facts}

    def _in_words(self) -> str:
        if self._drill is None:
            return "no drill"
        return f"the drill {self._drill.fault} for {self._drill.share:.4g} of the questions"


def _asked(message: Message) -> tuple[str, float, float]:
    """Return fault, length in seconds and share.

    Raises:
        ControlError: one of them cannot be meant so.
    """
    fault, for_s, share = message.get("fault"), message.get("for_s"), message.get("share", 1)
    if fault not in FAULTS:
        raise ControlError(f"fault is one of {', '.join(FAULTS)}")
    if not 0 < _number(for_s) <= MAX_S:
        raise ControlError(f"for_s is a number of seconds above 0, at most {MAX_S:g}")
    if not 0 < _number(share) <= 1:
        raise ControlError("share is a number above 0, at most 1")
    return str(fault), _number(for_s), _number(share)


def _number(value: object) -> float:
    """Return a number, NaN for what is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
