"""How many events may be on their way: breaker, pace, and the CRM's own word."""

from fallbackrouter.core.breaker import Change, State
from fallbackrouter.core.receipt import Receipt, unanswered
from fallbackrouter.jobs.valve import Valve
from tests.fakes.clock import FakeClock

DOWN = unanswered("connection refused")
GOOD = Receipt(200, "")


class Scene:
    def __init__(self, max_rate: float = 0) -> None:
        self.clock = FakeClock()
        self.changes: list[Change] = []
        self.valve = Valve(max_in_flight=8, max_rate=max_rate, clock=self.clock, on_change=self.changes.append)

    def send(self, receipt: Receipt) -> None:
        self.valve.took(receipt, self.valve.version)

    def fail(self) -> None:
        for _ in range(5):
            self.send(DOWN)
        assert self.valve.is_open


def test_in_health_as_many_may_go_as_are_allowed_at_once() -> None:
    valve = Scene().valve
    assert [valve.room(in_hand) for in_hand in (0, 3, 8, 9)] == [8, 5, 0, 0]
    assert valve.waits == ""


def test_five_failures_in_a_row_leave_the_crm_alone() -> None:
    scene = Scene()
    scene.fail()
    assert scene.valve.room(0) == 0
    assert 0 < scene.valve.rest_s() <= 1
    assert scene.valve.waits == "breaker open: 5 requests in a row failed; the last: connection refused"
    assert [change.state for change in scene.changes] == [State.OPEN]


def test_then_one_event_at_a_time_tries_more_and_more_rarely() -> None:
    scene, valve, pauses = Scene(), None, []
    valve = scene.valve
    scene.fail()
    for _ in range(12):
        rest_s = valve.rest_s()
        scene.clock.move(rest_s)
        assert [valve.room(0), valve.room(1)] == [1, 0]
        scene.send(DOWN)
        pauses.append(rest_s)
    assert pauses == sorted(pauses)
    assert pauses[-1] == 15


def test_the_first_that_is_taken_opens_the_way() -> None:
    scene = Scene()
    scene.fail()
    scene.clock.move(scene.valve.rest_s())
    scene.send(GOOD)
    assert scene.valve.room(0) == 8
    scene.clock.move(2)
    scene.send(GOOD)
    assert scene.valve.last.state is State.CLOSED


def test_what_was_sent_before_it_opened_tells_nothing() -> None:
    scene = Scene()
    before = scene.valve.version
    scene.fail()
    scene.valve.took(GOOD, before)
    assert scene.valve.is_open


def test_refusals_and_unknown_calls_never_close_it() -> None:
    scene = Scene()
    for status in (400, 404, 409, 410, 422) * 10:
        scene.send(Receipt(status, "no"))
    assert scene.valve.room(0) == 8


def test_a_busy_crm_is_left_alone_for_as_long_as_it_asks_and_is_not_failing() -> None:
    scene = Scene()
    for _ in range(20):
        scene.send(Receipt(429, "", 30))
    assert scene.changes == []
    assert scene.valve.room(0) == 0
    assert scene.valve.rest_s() == 30
    assert scene.valve.waits == "the CRM asked to wait 30 s, 30 s are left"
    scene.clock.move(30)
    assert scene.valve.room(0) == 8


def test_a_person_need_not_wait_as_long_as_the_crm_asked() -> None:
    scene = Scene()
    scene.send(Receipt(503, "", 3600))
    scene.valve.nudge()
    assert scene.valve.room(0) == 8


def test_no_word_of_the_crm_stops_it_for_more_than_an_hour() -> None:
    scene = Scene()
    scene.send(Receipt(503, "", 10**9))
    scene.clock.move(3600)
    assert scene.valve.room(0) == 8


def test_the_pace_is_kept() -> None:
    scene = Scene(max_rate=20)
    assert scene.valve.room(0) == 2
    scene.valve.sent(2)
    assert scene.valve.room(2) == 0
    assert 0 < scene.valve.rest_s() <= 0.05
    scene.clock.move(0.05)
    assert scene.valve.room(2) == 1
