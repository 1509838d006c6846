"""What a question may take by its policy, and how a change of the breaker is told."""

from datetime import datetime
from typing import Any

import pytest

from fallbackrouter.core.breaker import CLOSED_LEVEL, Change, State, Version
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.rule import Condition
from fallbackrouter.core.selector import Selector
from fallbackrouter.daemon.breaker_told import BreakerTold
from fallbackrouter.daemon.live_crm import _Allowance
from tests.fakes.calls import call, number
from tests.fakes.clock import FakeClock


def for_did(did: str) -> Condition:
    selector = Selector(number)
    selector.add(did)
    return selector.condition()


@pytest.mark.parametrize(
    ("call_ms", "live_ms", "seconds"), [(400, 300, 0.3), (400, 400, 0.375), (310, 300, 0.285), (10, 10, 0.001)]
)
def test_a_question_may_take_live_ms_or_what_call_ms_leaves(call_ms: float, live_ms: float, seconds: float) -> None:
    allowance = _Allowance(Policies(Policy(call_ms=call_ms, live_ms=live_ms)), reserve_ms=25)
    assert allowance.of(call()) == pytest.approx(seconds)
    assert allowance.usual_s == allowance.longest_s == allowance.of(call())


def test_a_number_with_a_policy_of_its_own_has_its_own() -> None:
    own = Policy(call_ms=2_000, live_ms=1_500)
    allowance = _Allowance(Policies(Policy(), ((for_did("632"), own),)), reserve_ms=25)
    assert allowance.of(call("632")) == 1.5
    assert allowance.of(call("633")) == allowance.usual_s == 0.3
    assert allowance.longest_s == 1.5


class Notes:
    """Keeps incidents and log lines."""

    def __init__(self) -> None:
        self.incidents: list[tuple[str, str, str]] = []
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def record_incident(self, part: str, state: str, reason: str, at: datetime) -> None:
        assert at.tzinfo is not None
        self.incidents.append((part, state, reason))

    def warning(self, _event: str, **fields: Any) -> None:
        self.lines.append(("warning", fields))

    def info(self, _event: str, **fields: Any) -> None:
        self.lines.append(("info", fields))


@pytest.mark.parametrize(
    ("change", "state", "level"),
    [
        (Change(State.OPEN, 0.0, "r", Version(1, 0)), "open", "warning"),
        (Change(State.HALF_OPEN, 0.01, "r", Version(1, 1)), "half open, 1%", "info"),
        (Change(State.CLOSED, 1.0, "r", Version(1, CLOSED_LEVEL)), "closed", "info"),
    ],
)
def test_a_change_is_put_on_record_into_the_log_and_through(change: Change, state: str, level: str) -> None:
    notes = Notes()
    told: list[dict[str, Any]] = []
    telling = BreakerTold(notes, notes, FakeClock())
    telling(change)
    assert told == []
    telling.share(told.append)
    telling(change)
    assert notes.incidents == [("crm breaker", state, "r")] * 2
    assert notes.lines[0][0] == level
    assert told == [{"version": list(change.version), "state": str(change.state), "share": change.share, "reason": "r"}]
