"""Renews call workers that have grown too large: a new one serves first, then the old one finishes and leaves.

Its rules:

- what a worker takes is what it says of itself with each heartbeat (`rss_mb`);
- one at a time, so that there is never more than one worker too many;
- a place is renewed for its size at most every `EVERY_S`: a limit below what a new worker takes would else mean nothing
  but starting workers.
"""

import asyncio
from collections.abc import Sequence

from fallbackrouter.clock import Clock
from fallbackrouter.daemon.parent_log import ParentLog
from fallbackrouter.daemon.slot import OnIncident, Slot

EVERY_S = 60.0


class Renewal:
    """Looks after the size of call workers.

    Args:
        leave_s: what an old worker has to finish its calls.
        grace_s: what it has beyond that to write its journal and end.
    """

    def __init__(
        self, *, clock: Clock, log: ParentLog, on_incident: OnIncident, leave_s: float, grace_s: float
    ) -> None:
        self._clock = clock
        self._log = log
        self._on_incident = on_incident
        self._leave_s = leave_s
        self._grace_s = grace_s
        self._renewed_s: dict[str, float] = {}
        self._under_way: asyncio.Task[bool] | None = None

    def look(self, workers: Sequence[Slot], max_rss_mb: float) -> None:
        """Begin to renew a worker that takes more than it may.

        Args:
            max_rss_mb: in MiB; 0 for no limit.
        """
        if not max_rss_mb or (self._under_way and not self._under_way.done()):
            return
        for slot in workers:
            rss_mb = _rss_mb(slot)
            if rss_mb > max_rss_mb and self._is_due(slot):
                self._renew(slot, rss_mb, max_rss_mb)
                return

    def _is_due(self, slot: Slot) -> bool:
        return self._clock.now_s() - self._renewed_s.get(slot.name, float("-inf")) >= EVERY_S

    def _renew(self, slot: Slot, rss_mb: float, max_rss_mb: float) -> None:
        self._renewed_s[slot.name] = self._clock.now_s()
        reason = f"it takes {rss_mb:.0f} MiB, more than agi.max_rss_mb = {max_rss_mb:g}"
        self._log.warning(f"{slot.name} is too large and is replaced after its calls", reason=reason)
        self._on_incident(slot.name, "too large", reason)
        self._under_way = asyncio.create_task(slot.renew(self._leave_s, self._grace_s), name=f"renew {slot.name}")

    async def close(self) -> None:
        """Renew nobody any longer."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait({self._under_way})


def _rss_mb(slot: Slot) -> float:
    """Return what the worker that serves says that it takes, 0 where none does."""
    said = slot.child.facts.get("rss_mb", 0) if slot.child is not None and slot.ready else 0
    return float(said) if isinstance(said, int | float) else 0.0
