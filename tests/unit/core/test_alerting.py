"""Which incidents are told: a trouble's begin and end, a part that flaps once, and the same after a replay."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.alerting import FLAPS, Alert, Alerting, Incident, Kind

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CALM_S = 900.0
STATES = ("open", "half open, 10%", "closed")


def incident(number: int, state: str, at_s: float, part: str = "crm breaker") -> Incident:
    return Incident(number, BEGAN + timedelta(seconds=at_s), part, state, "reason")


def told(*states: tuple[float, str], part: str = "crm breaker") -> list[tuple[Kind, int]]:
    alerting = Alerting(CALM_S)
    alerts = [
        alert
        for number, (at_s, state) in enumerate(states, 1)
        for alert in alerting.take(incident(number, state, at_s, part))
    ]
    return [(alert.kind, alert.count) for alert in alerts]


def test_a_trouble_is_told_when_it_begins_and_when_it_ends_and_no_step_between() -> None:
    steps = ((0, "open"), (1, "half open, 1%"), (2, "open"), (3, "half open, 10%"), (4, "closed"))
    assert told(*steps) == [(Kind.BEGINS, 1), (Kind.ENDS, 1)]


def test_an_end_without_a_begin_is_not_told() -> None:
    assert told((0, "closed")) == []


def test_a_worker_that_hangs_and_then_ends_is_one_trouble() -> None:
    states = ((0, "hangs"), (1, "ended"), (2, "ended"), (3, "ready"))
    assert told(*states, part="worker 1") == [(Kind.BEGINS, 1), (Kind.ENDS, 1)]


def test_a_trouble_that_grows_worse_is_told_again() -> None:
    assert told((0, "degraded"), (9, "failing"), (20, "ok"), part="disk") == [
        (Kind.BEGINS, 1),
        (Kind.BEGINS, 1),
        (Kind.ENDS, 1),
    ]


def test_what_has_no_end_is_told_as_a_note() -> None:
    assert told((0, "too large"), part="worker 2") == [(Kind.NOTE, 1)]


def test_the_drill_ends_by_ending() -> None:
    assert told((0, "began"), (60, "ended"), part="drill") == [(Kind.BEGINS, 1), (Kind.ENDS, 1)]


def test_a_part_that_flaps_is_told_of_once_with_its_count_until_it_is_calm() -> None:
    alerting = Alerting(CALM_S)
    alerts: list[Alert] = []
    for number in range(20):
        alerts += alerting.take(incident(number, STATES[0 if number % 2 == 0 else 2], number * 10.0))
    kinds = [alert.kind for alert in alerts]
    assert kinds == [Kind.BEGINS, Kind.ENDS, Kind.BEGINS, Kind.ENDS, Kind.FLAPS]
    assert alerts[-1].count == FLAPS
    last_at = BEGAN + timedelta(seconds=190)
    assert list(alerting.look(last_at + timedelta(seconds=CALM_S - 1))) == []
    (calm,) = alerting.look(last_at + timedelta(seconds=CALM_S))
    assert (calm.kind, calm.count, calm.state) == (Kind.CALM, 10, "closed")
    assert list(alerting.look(last_at + timedelta(seconds=CALM_S * 9))) == []


def test_slow_troubles_are_no_flapping() -> None:
    states = [(hour * 3600.0 + end, STATES[end * 2]) for hour in range(9) for end in (0, 1)]
    assert told(*states) == [(Kind.BEGINS, 1), (Kind.ENDS, 1)] * 9


def test_parts_do_not_mix() -> None:
    alerting = Alerting(CALM_S)
    for number in range(8):
        alerting.take(incident(number, STATES[0 if number % 2 == 0 else 2], number))
    (other,) = alerting.take(incident(9, "failing", 9, "routes feed"))
    assert other.kind is Kind.BEGINS


@given(st.lists(st.tuples(st.sampled_from(STATES), st.floats(0, 2000)), max_size=60))
def test_however_it_flaps_few_alerts_are_told_and_ends_follow_begins(steps: list[tuple[str, float]]) -> None:
    alerting, at_s, open_troubles = Alerting(CALM_S), 0.0, 0
    for number, (state, later_s) in enumerate(steps):
        at_s += later_s
        for alert in alerting.take(incident(number, state, at_s)):
            match alert.kind:
                case Kind.BEGINS:
                    open_troubles += 1
                case Kind.ENDS:
                    assert open_troubles == 1
                    open_troubles = 0
                case Kind.FLAPS | Kind.CALM:
                    open_troubles = int(alert.state == "open") if alert.kind is Kind.CALM else 0
            assert open_troubles <= 1
            assert alert.text
