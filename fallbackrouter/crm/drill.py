"""A drill: for a while the CRM is treated as failing in a chosen way, so that the insurance can be tried when wanted.

Its rules:

- each request meets the fault or not, by chance, and meets it whole: what it meets travels in its task's context down
  to the resolver, the network and the connection, below pool and breaker, and hits connections that were open before;
- what a request met is said in its verdict, as "drill: hang";
- what decides here loads no more than the parent may, which hands drills on;
- a drill ends by this process's own clock, whether or not anyone says that it is over.
"""

from contextvars import Context, ContextVar
from dataclasses import dataclass, replace
from random import SystemRandom
from typing import TYPE_CHECKING

from fallbackrouter.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

DNS = "dns"
CONNECT = "connect"
HANG = "hang"
SLOW = "slow"
ERROR = "error"
GARBAGE = "garbage"
FAULTS = (DNS, CONNECT, HANG, SLOW, ERROR, GARBAGE)
MAX_S = 3600.0
"""The longest that a drill lasts."""

_UNSENT = frozenset({HANG, ERROR, GARBAGE})
"""With these, a question never reaches the CRM."""
_ANSWERS = {
    ERROR: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    GARBAGE: b"\x00\xff drill: neither HTTP nor JSON \xfe\x01\r\n\r\n" * 4,
}


@dataclass(frozen=True, slots=True)
class Drill:
    """What is tried, and for how long.

    Attributes:
        fault: one of FAULTS.
        share: of requests that meet it, above 0 and at most 1.
        until_s: when it ends, on the machine's monotonic clock, which its processes share.
    """

    fault: str
    share: float
    until_s: float


class Met:
    """The fault that one request meets.

    Attributes:
        fault: one of FAULTS.
        unsent: the question is swallowed.
    """

    def __init__(self, fault: str, slow_s: float) -> None:
        self.fault = fault
        self.unsent = fault in _UNSENT
        self._delay_s = slow_s if fault == SLOW else 0.0
        self._answer = _ANSWERS.get(fault, b"")

    def take_delay_s(self) -> float:
        """Return how long the answer is held back; 0 from the second time on."""
        delay_s, self._delay_s = self._delay_s, 0.0
        return delay_s

    def take_answer(self) -> bytes:
        """Return what comes in the CRM's place, b"" for nothing; b"" from the second time on."""
        answer, self._answer = self._answer, b""
        return answer


_met: ContextVar[Met | None] = ContextVar("drill", default=None)


def met_now() -> Met | None:
    """Return what the request of this task meets, None where it is a request like any other."""
    return _met.get()


def fault_met_in(context: Context) -> str:
    """Return the fault that a request met in its task's context, "" without one."""
    met = context.get(_met)
    return met.fault if met else ""


class Drilling:
    """Deals out the fault of the drill that is on, in one process.

    Args:
        slow_s: by how much `slow` holds an answer back; more than any call's budget.
        chance: gives numbers from 0 to below 1.
    """

    def __init__(self, *, clock: Clock, slow_s: float, chance: "Callable[[], float] | None" = None) -> None:
        self._clock = clock
        self._slow_s = slow_s
        self._chance = chance or SystemRandom().random
        self._drill: Drill | None = None

    def begin(self, drill: Drill) -> None:
        """Deal out a fault from now on, for at most `MAX_S`."""
        self._drill = replace(drill, until_s=min(drill.until_s, self._clock.now_s() + MAX_S))

    def end(self) -> None:
        """Let every further request be like any other."""
        self._drill = None

    def deal(self) -> str:
        """Decide what the request meets that this task makes next; the fault, "" for none."""
        met = self._draw()
        _met.set(met)
        return met.fault if met else ""

    def _draw(self) -> Met | None:
        drill = self._drill
        if drill is None:
            return None
        if self._clock.now_s() >= drill.until_s:
            self._drill = None
            return None
        return Met(drill.fault, self._slow_s) if self._chance() < drill.share else None
