"""Which calls are open, by what their events told and by what the exchange knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.jobs.open_calls import OpenCalls
from fallbackrouter.store.event_log import StoredEvent

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STARTED = StoredEvent(AT, "start", "1.1", "", "74951111111", "79507533333", "d1", test=False)
GRACE_S = 30.0


def _calls(*events: StoredEvent, most: int = 100) -> OpenCalls:
    calls = OpenCalls("start", ("end_auto", "end_failed"), most)
    for event in events:
        calls.take(event, AT - timedelta(days=7))
    return calls


def _event(stage: str, call_id: str = "1.1", linked_id: str = "") -> StoredEvent:
    return replace(STARTED, stage=stage, call_id=call_id, linked_id=linked_id)


def _ended_by(calls: OpenCalls, *alive: str) -> list[str]:
    """Return the ids of the calls whose end is inferred once the grace is over."""
    calls.gone(alive, 0.0, GRACE_S)
    return [call.began.call_id for call in calls.gone(alive, GRACE_S, GRACE_S)]


def test_a_call_that_is_gone_for_the_whole_grace_has_ended() -> None:
    calls = _calls(STARTED)
    assert calls.gone((), 0.0, GRACE_S) == []
    assert calls.gone((), 29.9, GRACE_S) == []
    [gone] = calls.gone((), 30.0, GRACE_S)
    assert gone.began is STARTED


def test_a_call_that_comes_back_within_the_grace_begins_it_anew() -> None:
    calls = _calls(STARTED)
    calls.gone((), 0.0, GRACE_S)
    calls.gone(("1.1",), 20.0, GRACE_S)
    assert calls.gone((), 40.0, GRACE_S) == []
    assert calls.gone((), 69.9, GRACE_S) == []
    assert len(calls.gone((), 70.0, GRACE_S)) == 1


def test_a_call_lives_as_long_as_any_channel_of_its() -> None:
    answered_by_callee = _event("start", "1.2", "1.1")
    assert _ended_by(_calls(answered_by_callee), "1.1") == []  # the caller's channel
    assert _ended_by(_calls(answered_by_callee), "1.2") == []  # the callee's, after a transfer of the caller
    assert _ended_by(_calls(STARTED), "1.1", "9.9") == []  # whom it was handed to, linked to the call
    assert _ended_by(_calls(answered_by_callee), "1.20", "11.1") == ["1.2"]  # another's ids


def test_an_end_by_any_of_its_ids_ends_a_call() -> None:
    for end in (_event("end_auto"), _event("end_failed", "1.9", "1.1"), _event("end_auto", "1.2", "")):
        assert len(_calls(_event("start", "1.2", "1.1"), end)) == 0


def test_a_call_that_is_handed_on_is_one_call() -> None:
    calls = _calls(_event("start", "1.2", "1.1"), _event("start", "1.3", "1.1"))
    assert len(calls) == 1
    assert _ended_by(calls, "1.3") == []
    assert len(_calls(_event("start", "1.2", "1.1"), _event("start", "1.3", "1.1"), _event("end_auto", "1.1"))) == 0


def test_calls_of_our_own_calls_without_ids_and_other_stages_are_no_beginning() -> None:
    others = (replace(STARTED, test=True), _event("start", ""), _event("routed"), _event("end_auto", "7.7"))
    assert len(_calls(*others)) == 0


def test_what_began_too_long_ago_is_nobodys_to_end() -> None:
    assert len(_calls(replace(STARTED, at=AT - timedelta(days=8)))) == 0


def test_a_call_whose_end_is_on_its_way_is_not_ended_twice() -> None:
    calls = _calls(STARTED)
    calls.gone((), 0.0, GRACE_S)
    [gone] = calls.gone((), 30.0, GRACE_S)
    gone.told = True
    assert calls.gone((), 60.0, GRACE_S) == []


def test_past_the_most_the_oldest_is_forgotten_and_counted() -> None:
    calls = _calls(*(_event("start", f"1.{number}") for number in range(15)), most=10)
    assert (len(calls), calls.forgotten) == (10, 5)
    assert _ended_by(calls)[0] == "1.5"


_IDS = st.sampled_from(["", "1.1", "1.2", "1.3", "2.1", "2.2"])
_EVENTS = st.builds(_event, st.sampled_from(["start", "end_auto", "end_failed", "x"]), _IDS, _IDS)


@given(st.lists(_EVENTS, max_size=30), st.integers(1, 3))
def test_the_ids_that_are_kept_are_those_of_open_calls_and_no_others(events: list[StoredEvent], most: int) -> None:
    calls = _calls(*events, most=most)
    assert len(calls) <= most
    kept = {one: call for call in calls.gone((), 0.0, 0.0) for one in call.ids}
    assert kept == calls._by_id
    for event in events:
        calls.take(replace(event, stage="end_auto"), AT)
    assert len(calls) == 0
    assert not calls._by_id
