"""The answer to a call's question: exactly one, with the trail of how it came to be."""

from datetime import datetime

from msgspec import Struct, field

from fallbackrouter.core.call import Call
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import Verdict

OK = "ok"
DEGRADED = "degraded"
UNRECORDED = "unrecorded"


class Step(Struct, frozen=True):
    """One tier asked for this call, with its verdict and its time in ms."""

    tier: str
    verdict: Verdict
    ms: float


class Times(Struct):
    """Where a call's time went, in ms; None where that part did not happen (yet)."""

    read: float | None = None
    walk: float | None = None
    live_queue: float | None = None
    live: float | None = None
    journal: float | None = None
    write: float | None = None


class Outcome(Struct, frozen=True):
    """What a finished walk says: the route, who gave it, every tier asked on the way, and the route after it."""

    route: Route
    source: str
    rule: str
    status: str
    steps: tuple[Step, ...]
    next_route: Route | None = None


class Decision(Struct, frozen=True):
    """Where a call goes, and why.

    Attributes:
        decision_id: UUIDv7, finds it again (`FR_DECISION`).
        at: UTC, when the question was complete.
        source: the tier that gave the route.
        rule: the rule's name, "" where the tier has none.
        status: OK or DEGRADED; UNRECORDED is known to the answer alone.
        times: filled in while the answer is on its way.
        next_route: where the call goes if the route's destination cannot take it (`FR_NEXT`); None: nothing is said.
    """

    decision_id: str
    at: datetime
    node: str
    call: Call
    route: Route
    source: str
    rule: str
    status: str
    steps: tuple[Step, ...]
    times: Times = field(default_factory=Times)
    next_route: Route | None = None


class Event(Struct, frozen=True):
    """Something that the CRM has to be told, kept until it has been.

    Attributes:
        event_id: UUIDv7, also the idempotency key.
        at: UTC, when it was reported.
        decision_id: the call's decision where this worker knows it, else "".
    """

    event_id: str
    at: datetime
    node: str
    call: Call
    decision_id: str = ""
