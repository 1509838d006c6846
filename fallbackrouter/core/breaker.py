"""The breaker: whether the CRM is asked at all, and by what share of calls; a plain state machine without a clock.

CLOSED asks for every call, OPEN for none, HALF_OPEN for a share that walks up `steps`. Its rules:

- only requests that failed open it: too many in a row, too large a share of a short window, or one while half-open;
- only good probes end OPEN, and only good answers, asked at the present share, make a share larger. A step lasts at
  least `step_s`, so that the requests that hang are known before the next one;
- a state other than CLOSED always has a probe due, never later than `probe_cap_s` from the last thing that happened;
- what was asked before it last opened tells nothing and is ignored, as is every answer while it is open;
- workers converge: a `Version` is (times opened, level), the larger one wins everywhere. Inside one opening the level
  only grows, and opening again begins the next, so a failure beats every step up, and nothing goes to and fro;
- what it keeps does not grow. `now_s` is monotonic, from 0 up, and may stand still or jump ahead.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from fallbackrouter.core.verdict import Invalid, Skipped, TimedOut, Unavailable, Verdict

BUCKETS = 10
"""The window is counted in so many parts; the oldest one ends at once, up to a tenth of the window early."""
CLOSED_LEVEL = 1_000
"""The level of CLOSED, the same for workers with different steps; OPEN is 0, the steps count from 1."""


class State(StrEnum):
    """What the breaker does with calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Good:
    """The CRM answered in time; "no route" is an answer too."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The CRM could not be asked, refused, or answered garbage."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotCounted:
    """The request tells nothing about the CRM."""


SLOW = Failed("no answer within live_ms")
"""The request took the whole of `live_ms`; as bad as any other failure."""

Outcome = Good | Failed | NotCounted


def outcome_of(verdict: Verdict, *, past_live_ms: bool) -> Outcome:
    """Return what a request's end, not that of a call's wait for it, tells about the CRM.

    Args:
        past_live_ms: it was on its way for the whole of `live_ms`, or for the most that `call_ms` ever leaves of it.
    """
    if isinstance(verdict, Unavailable | Invalid):
        return Failed(verdict.reason)
    if isinstance(verdict, Skipped):
        return NotCounted()
    if past_live_ms:
        return SLOW
    return NotCounted() if isinstance(verdict, TimedOut) else Good()


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When the breaker opens and how it closes again.

    Attributes:
        in_row: failures in a row that open it, however far apart.
        failure_share: of the requests of `window_s` that opens it, once they are `window_requests`; at most 1.
        good_probes: probes answered in a row that end OPEN.
        steps: the shares of calls that ask while half-open, growing, the last one 1.
        step_good: good answers that a step needs at least.
        step_s: how long a step lasts at least; more than `live_ms`, so that requests that hang are seen.
        probe_s: the pause before the first probe, and before the one after a good one; each failure multiplies it
            by `probe_growth` up to `probe_cap_s`, until the breaker has closed.

    Raises:
        ValueError: a rule cannot be meant so.
    """

    in_row: int = 5
    window_s: float = 10.0
    window_requests: int = 20
    failure_share: float = 0.5
    good_probes: int = 2
    steps: tuple[float, ...] = (0.01, 0.1, 0.5, 1.0)
    step_good: int = 1
    step_s: float = 1.0
    probe_s: float = 0.5
    probe_growth: float = 2.0
    probe_cap_s: float = 3.0

    def __post_init__(self) -> None:
        if not self.steps or self.steps[0] <= 0 or self.steps[-1] != 1 or list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps have to grow from above 0 to 1")
        if min(self.in_row, self.window_requests, self.good_probes, self.step_good) < 1:
            raise ValueError("numbers of requests and probes start at 1")
        if min(self.window_s, self.step_s, self.probe_s) <= 0 or self.probe_cap_s < self.probe_s:
            raise ValueError("times have to be above 0, and the longest pause at least the first")
        if not 0 < self.failure_share <= 1 or self.probe_growth < 1:
            raise ValueError("a failure share is above 0 and at most 1, a growth at least 1")


class Version(NamedTuple):
    """A breaker's state among workers, of which the larger one counts: how often it has opened, and its level."""

    opened: int
    level: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state or share, for an incident, a log line and the other workers (their `adopt`).

    Attributes:
        share: of calls that ask the CRM, 0 to 1.
        reason: in plain words; the state and the share are not repeated in it.
    """

    state: State
    share: float
    reason: str
    version: Version


class _Window:
    """Counts the requests of the last `window_s` in a ring of time buckets of [number, requests, failures]."""

    def __init__(self, window_s: float) -> None:
        self._bucket_s = window_s / BUCKETS
        self._latest = 0
        self._ring = [[-BUCKETS, 0, 0] for _ in range(BUCKETS)]

    def add(self, failures: int, now_s: float) -> None:
        """Count one request with so many failures: 0 or 1."""
        self._latest = max(self._latest, int(now_s / self._bucket_s))
        bucket = self._ring[self._latest % BUCKETS]
        if bucket[0] != self._latest:
            bucket[:] = self._latest, 0, 0
        bucket[1] += 1
        bucket[2] += failures

    def counts(self) -> tuple[int, int]:
        """Return the requests and the failures among them, as of the last `add`."""
        young = [bucket for bucket in self._ring if bucket[0] > self._latest - BUCKETS]
        return sum(bucket[1] for bucket in young), sum(bucket[2] for bucket in young)


class Breaker:
    """One worker's breaker; starts CLOSED and unopened, and learns from the others by `adopt`.

    Attributes:
        last: what it is now and since which change; may be told to other workers at any time.
        due_probe_s: when the next probe is due, monotonic, None while CLOSED; whoever probes sends one at a time.
    """

    def __init__(self, rules: BreakerRules) -> None:
        self.rules = rules
        self.last = Change(State.CLOSED, 1.0, "started", Version(0, CLOSED_LEVEL))
        self.due_probe_s: float | None = None
        self._window = _Window(rules.window_s)
        self._failed_in_row = 0
        self._good = 0
        self._since_s = 0.0
        self._pause_s = rules.probe_s

    @property
    def version(self) -> Version:
        """What a request carries from when it is asked until its outcome is taken."""
        return self.last.version

    def allows(self, chance: float) -> bool:
        """Tell whether a call asks the CRM; `chance` is drawn for it evenly from 0 up to below 1."""
        return chance < self.last.share

    def took(self, outcome: Outcome, now_s: float, asked: Version) -> Change | None:
        """Take how a call's request ended, once each; `asked` is `version` when it was asked."""
        if asked.opened != self.version.opened or isinstance(outcome, NotCounted):
            return None
        if self.last.state is State.CLOSED:
            return self._count(outcome, now_s)
        return self._weigh(outcome, now_s, asked) if self.last.state is State.HALF_OPEN else None

    def probed(self, outcome: Outcome, now_s: float, asked: Version) -> Change | None:
        """Take how a request of our own ended, as `took` does; while CLOSED only calls are heard."""
        if asked.opened != self.version.opened or self.last.state is State.CLOSED:
            return None
        if self.last.state is State.OPEN:
            return self._listen(outcome, now_s)
        self.due_probe_s = now_s + self.rules.probe_s
        return None if isinstance(outcome, NotCounted) else self._weigh(outcome, now_s, asked)

    def adopt(self, version: Version, reason: str, now_s: float) -> Change | None:
        """Take over another worker's state where it is newer; a change returned here is not told to others again."""
        if version <= self.version:
            return None
        was = self.last
        now = self._enter(version, reason, now_s)
        return now if (now.state, now.share) != (was.state, was.share) else None

    def _count(self, outcome: Good | Failed, now_s: float) -> Change | None:
        if isinstance(outcome, Good):
            self._failed_in_row = 0
            self._window.add(0, now_s)
            return None
        self._failed_in_row += 1
        self._window.add(1, now_s)
        too_many = self._too_many()
        return self._open(f"{too_many}; the last: {outcome.reason}", now_s) if too_many else None

    def _too_many(self) -> str:
        """Say which limit is reached, "" for none."""
        if self._failed_in_row >= self.rules.in_row:
            return f"{self._failed_in_row} requests in a row failed"
        requests, failures = self._window.counts()
        if requests >= self.rules.window_requests and failures >= requests * self.rules.failure_share:
            return f"{failures} of {requests} requests within {self.rules.window_s:g} s failed"
        return ""

    def _weigh(self, outcome: Good | Failed, now_s: float, asked: Version) -> Change | None:
        """Half-open: a failure opens again, whichever step it was asked at; good ones of this step lead on."""
        if not isinstance(outcome, Good):
            return self._open(f"failed again: {outcome.reason}", now_s)
        if asked != self.version:
            return None
        self._good += 1
        self.due_probe_s = now_s + self.rules.probe_s
        if self._good < self.rules.step_good or now_s - self._since_s < self.rules.step_s:
            return None
        opened, level = self.version
        onward = level + 1 if level < len(self.rules.steps) else CLOSED_LEVEL
        return self._enter(Version(opened, onward), "the CRM answers", now_s)

    def _listen(self, outcome: Outcome, now_s: float) -> Change | None:
        """Open: only probes are heard."""
        self._good = self._good + 1 if isinstance(outcome, Good) else 0
        if self._good >= self.rules.good_probes:
            return self._enter(Version(self.version.opened, 1), "our probes are answered", now_s)
        if isinstance(outcome, Failed):
            self._pause_s = self._longer_pause_s()
        self.due_probe_s = now_s + (self.rules.probe_s if isinstance(outcome, Good) else self._pause_s)
        return None

    def _open(self, reason: str, now_s: float) -> Change:
        return self._enter(Version(self.version.opened + 1, 0), reason, now_s)

    def _enter(self, version: Version, reason: str, now_s: float) -> Change:
        """Begin a state or step with nothing counted; a relapse goes on with the pause that it left off with."""
        was = self.last.state
        self.last = Change(*self._meaning(version.level), reason, version)
        self._failed_in_row = self._good = 0
        self._since_s = now_s
        self._window = _Window(self.rules.window_s)
        self._plan_probe(was, now_s)
        return self.last

    def _meaning(self, level: int) -> tuple[State, float]:
        """Return state and share of a level; a step that our rules do not know is the last one."""
        if level >= CLOSED_LEVEL:
            return State.CLOSED, 1.0
        return (State.HALF_OPEN, self.rules.steps[:level][-1]) if level > 0 else (State.OPEN, 0.0)

    def _plan_probe(self, was: State, now_s: float) -> None:
        state = self.last.state
        if was is State.CLOSED:
            self._pause_s = self.rules.probe_s
        elif state is State.OPEN:
            self._pause_s = self._longer_pause_s()
        pause_s = self._pause_s if state is State.OPEN else self.rules.probe_s
        self.due_probe_s = None if state is State.CLOSED else now_s + pause_s

    def _longer_pause_s(self) -> float:
        return min(self._pause_s * self.rules.probe_growth, self.rules.probe_cap_s)
