"""So many a second, and not more."""

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.jobs.pace import Pace

STEPS_S = st.lists(st.floats(0, 2), min_size=1, max_size=200)


def sent_by(rate: float, steps_s: list[float]) -> tuple[int, float]:
    """Return how many were sent by somebody who always sends what there is room for, and in how many seconds."""
    pace, now_s, sent = Pace(rate, 0.0), 0.0, 0
    for step_s in steps_s:
        now_s += step_s
        room = pace.room(now_s, 1000)
        pace.sent(room)
        sent += room
    return sent, now_s


@given(st.floats(0.01, 5000), STEPS_S)
def test_the_rate_is_never_passed_but_for_a_small_burst(rate: float, steps_s: list[float]) -> None:
    sent, took_s = sent_by(rate, steps_s)
    assert sent <= rate * took_s + max(1, rate * 0.1) + 1e-6


@given(st.floats(0.5, 500))
def test_whoever_rests_as_told_reaches_it(rate: float) -> None:
    pace, now_s, sent = Pace(rate, 0.0), 0.0, 0
    for _ in range(200):
        room = pace.room(now_s, 1)
        pace.sent(room)
        sent += room
        now_s += pace.rest_s() + 1e-9
    assert sent >= 100
    assert sent >= rate * now_s * 0.9 - 1


def test_no_rate_is_no_limit() -> None:
    pace = Pace(0, 0.0)
    for _ in range(100):
        assert pace.room(0.0, 1000) == 1000
        pace.sent(1000)
    assert pace.rest_s() == 0


def test_a_clock_that_stands_still_or_goes_back_gives_no_room() -> None:
    pace = Pace(10, 100.0)
    pace.sent(pace.room(100.0, 1000))
    assert pace.room(100.0, 1000) == 0
    assert pace.room(50.0, 1000) == 0
