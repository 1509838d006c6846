"""A call that the CRM wants made: what was asked for, and how far it has come.

Its rules:

- a call is sent at most once: what may have been sent is never waiting again;
- what has ended stays as it ended;
- an end that nobody told is no guess: `unknown` says that it may or may not have been made.

    waiting -> sending -> sent -> talking -> answered
    waiting -> expired, cancelled            nothing was sent
    sending -> waiting                       it is known that nothing was sent
    sending, sent -> busy, no_answer, failed, unknown
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How far a call has come."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    TALKING = "talking"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = (State.SENDING, State.SENT, State.TALKING)
"""Given to Asterisk, or perhaps so, and not ended."""
ENDS = (State.ANSWERED, State.BUSY, State.NO_ANSWER, State.FAILED, State.UNKNOWN, State.EXPIRED, State.CANCELLED)
_UNANSWERED = frozenset({State.BUSY, State.NO_ANSWER, State.FAILED, State.UNKNOWN})
MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.SENDING, State.EXPIRED, State.CANCELLED}),
    State.SENDING: _UNANSWERED | {State.WAITING, State.SENT, State.TALKING},
    State.SENT: _UNANSWERED | {State.TALKING},
    State.TALKING: frozenset({State.ANSWERED}),
    **dict.fromkeys(ENDS, frozenset()),
}
"""From each state, those that may follow it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the gate let through: whom to call, and where that one comes into the dialplan once he answers.

    Attributes:
        channel: as Asterisk's Originate takes it, `Local/632@inbound`.
        numbers: those that are dialled, in the channel and in the dialplan; what a do-not-call list is held against.
        caller: the number that is shown, "" where none was given.
        caller_name: the name beside it.
        variables: name -> value, in the order given.
        timeout_s: how long it rings, whole seconds.
    """

    channel: str
    context: str
    exten: str
    priority: str
    caller: str
    caller_name: str
    variables: tuple[tuple[str, str], ...]
    timeout_s: int
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutCall:
    """A call that was asked for.

    Attributes:
        out_id: UUIDv7, ours; Asterisk's uniqueid of the call's first channel too.
        at: when it was asked for, UTC.
        owner: who asked: the name of a token, or `cli`.
        crm_id: the id that the CRM gave it, "" where none.
        not_after: past it the call is not made any more, UTC.
        sent_at, answered_at, ended_at: UTC, None where that has not come.
        cause: Q.850, the exchange's cause of the hangup; None where it is not known.
        reason: in plain words why it ended as it did, "" where there is nothing to say.
    """

    out_id: str
    at: datetime
    node: str
    owner: str
    crm_id: str
    wanted: Wanted
    not_after: datetime
    state: State = State.WAITING
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    reason: str = ""

    @property
    def seconds(self) -> int | None:
        """How long it was talked, whole seconds begun; None where that was not, or is not known."""
        if self.state is not State.ANSWERED or self.answered_at is None or self.ended_at is None:
            return None
        return max(0, round((self.ended_at - self.answered_at).total_seconds()))

    def moved(self, state: State, now_at: datetime, *, cause: int | None = None, reason: str = "") -> "OutCall":
        """Return the call as it is once it has come to another state.

        Args:
            now_at: UTC; a call talks from then on, or has ended then.
            cause, reason: kept where they say something.

        Raises:
            ValueError: no call comes from the one state to the other.
        """
        if state not in MOVES[self.state]:
            raise ValueError(f"a call that is {self.state} does not become {state}")
        moved = replace(self, state=state, cause=self.cause if cause is None else cause, reason=reason or self.reason)
        if state is State.WAITING:
            return replace(moved, sent_at=None)
        if state is State.SENDING:
            return replace(moved, sent_at=now_at)
        if state is State.TALKING:
            return replace(moved, answered_at=now_at)
        return replace(moved, ended_at=now_at) if state in ENDS else moved


BUSY_CAUSES = frozenset({17})
NO_ANSWER_CAUSES = frozenset({18, 19})
NOT_ANSWERED = 3
BUSY_REASON = 5
CONGESTED = 8
_REASONS = {NOT_ANSWERED: State.NO_ANSWER, BUSY_REASON: State.BUSY}


def unanswered(reason: int, cause: int | None) -> State:
    """Return how a call ended that Asterisk says it could not bring about.

    Args:
        reason: of OriginateResponse: 3 not answered in time, 5 busy, 8 congested, 0 anything else.
        cause: the hangup's, Q.850; None where no channel told one.
    """
    if reason in _REASONS:
        return _REASONS[reason]
    if cause in BUSY_CAUSES:
        return State.BUSY
    return State.NO_ANSWER if cause in NO_ANSWER_CAUSES else State.FAILED
