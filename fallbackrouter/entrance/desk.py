"""Who answers: what the edges that face Asterisk need of the router, and nothing more."""

from typing import Protocol, TypeVar

from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Event


class Answer(Protocol):
    """A decision on its way to the caller; `recorded`: it is in the journal by now."""

    @property
    def decision(self) -> Decision:
        """Where the call goes."""
        ...

    @property
    def recorded(self) -> bool:
        """Whether its commit came in time."""
        ...


class Taken(Protocol):
    """An event that was taken; `recorded`: it is in the journal by now."""

    @property
    def event(self) -> Event:
        """What was taken."""
        ...

    @property
    def recorded(self) -> bool:
        """Whether its commit came in time."""
        ...


AnswerT = TypeVar("AnswerT", bound=Answer)


class Desk(Protocol[AnswerT]):
    """The router, as a connection sees it; its methods never raise but CancelledError, and are done in time."""

    async def answer(self, call: Call, *, started_s: float, read_ms: float, instant_only: str = "") -> AnswerT:
        """Decide where a call goes; `instant_only` is a reason not to ask the live CRM."""
        ...

    async def report(self, call: Call, *, started_s: float, read_ms: float) -> Taken:
        """Take an event."""
        ...

    def sent(self, answered: AnswerT, write_ms: float) -> None:
        """Note that an answer has left, and what sending it took."""
        ...
