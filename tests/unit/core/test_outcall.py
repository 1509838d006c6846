"""A call that the CRM has made: sent at most once, ended once."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fallbackrouter.core.outcall import ENDS, MOVES, OPEN, OutCall, State, Wanted, unanswered

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CALL = OutCall("o1", NOW, "pbx1", "cli", "", Wanted("Local/1@a", "b", "2", "1", "", "", (), 30), NOW)


@given(st.lists(st.sampled_from(State), max_size=12))
def test_a_call_is_sent_once_and_ends_once(states: list[State]) -> None:
    call = CALL
    for at, state in enumerate(states):
        if state in MOVES[call.state]:
            before, call = call, call.moved(state, NOW + timedelta(seconds=at))
            assert before.state not in ENDS
            assert (call.ended_at is not None) == (call.state in ENDS)
            assert call.sent_at is not None or call.state not in OPEN
        else:
            with pytest.raises(ValueError, match="does not become"):
                call.moved(state, NOW)
    assert call.seconds is None or call.state is State.ANSWERED


def test_what_may_have_been_sent_never_waits_again() -> None:
    assert [state for state, after in MOVES.items() if State.WAITING in after] == [State.SENDING]
    assert [state for state, after in MOVES.items() if State.SENDING in after] == [State.WAITING]


def test_seconds_are_those_from_the_answer_to_the_end() -> None:
    talking = CALL.moved(State.SENDING, NOW).moved(State.TALKING, NOW + timedelta(seconds=9))
    assert talking.seconds is None
    assert talking.moved(State.ANSWERED, NOW + timedelta(seconds=21)).seconds == 12


@pytest.mark.parametrize(
    ("reason", "cause", "state"),
    [
        (3, 19, "no_answer"),
        (5, None, "busy"),
        (0, 17, "busy"),
        (0, 19, "no_answer"),
        (8, 34, "failed"),
        (0, 21, "failed"),
    ],
)
def test_how_asterisk_says_that_nobody_answered(reason: int, cause: int | None, state: str) -> None:
    assert unanswered(reason, cause) == state
