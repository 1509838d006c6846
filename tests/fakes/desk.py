"""A router that decides nothing: every question gets one route, every event is taken."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.core.route import Route

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GROUP = Route((("app", "group"), ("num", "62"), ("time", "100")), (("CALLERID(name)", "Office"),))


@dataclass(frozen=True)
class FakeAnswered:
    decision: Decision
    recorded: bool = True


@dataclass(frozen=True)
class FakeTaken:
    event: Event
    recorded: bool = True


@dataclass
class FakeDesk:
    """Answers at once, or when `gate` is set.

    Attributes:
        calls: the questions, in order.
        reasons: for each question, why live was not to be asked.
        events: the events, in order.
        written: write_ms of each answer that was sent.
    """

    route: Route = GROUP
    recorded: bool = True
    gate: asyncio.Event | None = None
    fault: Exception | None = None
    calls: list[Call] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    events: list[Call] = field(default_factory=list)
    written: list[float] = field(default_factory=list)

    async def answer(self, call: Call, *, started_s: float, read_ms: float, instant_only: str = "") -> FakeAnswered:
        assert started_s > 0
        self.calls.append(call)
        self.reasons.append(instant_only)
        self.read_ms.append(read_ms)
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        decision = Decision(f"d{len(self.calls)}", AT, "pbx1", call, self.route, "fallback", "day", "ok", ())
        return FakeAnswered(decision, self.recorded)

    async def report(self, call: Call, *, started_s: float, read_ms: float) -> FakeTaken:
        assert started_s > 0
        assert read_ms >= 0
        self.events.append(call)
        return FakeTaken(Event(f"e{len(self.events)}", AT, "pbx1", call), self.recorded)

    def sent(self, answered: FakeAnswered, write_ms: float) -> None:
        assert answered.decision.decision_id
        self.written.append(write_ms)
