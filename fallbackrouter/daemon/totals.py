"""What all children have counted together, those that have ended too: no number goes down while the parent lives.

A child tells its tally with each heartbeat, and once more when it leaves. What one that was killed counted after its
last heartbeat, half a second at most, is not known to anybody.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from fallbackrouter.control.lines import Message
from fallbackrouter.core.tally_sum import added
from fallbackrouter.daemon.child import Child


class Totals:
    """The sum over all children.

    Args:
        alive: the children that have not ended.
    """

    def __init__(self, alive: Callable[[], Iterable[Child]]) -> None:
        self._alive = alive
        self._ended: Any = {}

    def keep(self, child: Child) -> None:
        """Keep what a child has counted that has just ended, and is not among those alive any more."""
        self._ended = added(self._ended, _tally(child))

    def now(self) -> Message:
        """Return the sum."""
        total: Message = reduce(added, map(_tally, self._alive()), self._ended)
        return total


def _tally(child: Child) -> Any:
    told = child.facts.get("tally")
    return told if isinstance(told, dict) else {}
