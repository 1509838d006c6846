"""What the CRM's answer to an event means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.breaker import Failed, Good, NotCounted
from fallbackrouter.core.receipt import MAX_WORDS, Fate, Receipt, fate_of, outcome_of, unanswered

TTL_S = 604_800.0
DEAD_END = (400, 409, 410, 422)


def fate(status: int, *, age_s: float = 0, missing_s: float = 0) -> Fate:
    return fate_of(Receipt(status, ""), age_s=age_s, missing_s=missing_s, ttl_s=TTL_S)


@given(st.integers(200, 299), st.floats(0, 10**9))
def test_every_2xx_is_delivered_however_old(status: int, age_s: float) -> None:
    assert fate(status, age_s=age_s) is Fate.DELIVERED


@pytest.mark.parametrize("status", DEAD_END)
def test_what_the_crm_refuses_is_refused_at_once(status: int) -> None:
    assert fate(status) is Fate.REFUSED
    assert fate(status, age_s=2 * TTL_S) is Fate.REFUSED


def test_404_is_refused_after_an_hour_of_it() -> None:
    assert fate(404) is Fate.AGAIN
    assert fate(404, missing_s=3599.9) is Fate.AGAIN
    assert fate(404, missing_s=3600) is Fate.REFUSED


@given(st.sampled_from([0, *range(100, 200), *range(300, 600)]).filter(lambda one: one not in {*DEAD_END, 404}))
def test_all_else_is_tried_again_until_it_is_too_old(status: int) -> None:
    assert fate(status) is Fate.AGAIN
    assert fate(status, age_s=TTL_S - 0.1) is Fate.AGAIN
    assert fate(status, age_s=TTL_S) is Fate.DEAD


def test_a_crm_that_answers_is_well_whatever_it_says_of_one_event() -> None:
    for status in (200, 204, 404, *DEAD_END):
        assert isinstance(outcome_of(Receipt(status, "")), Good)


def test_a_crm_that_does_not_take_events_counts_as_failing() -> None:
    for status in (301, 401, 403, 429, 500, 503):
        assert isinstance(outcome_of(Receipt(status, "no")), Failed)
    assert outcome_of(unanswered("connection refused")) == Failed("connection refused")


def test_a_crm_that_says_when_to_come_back_is_not_failing() -> None:
    assert isinstance(outcome_of(Receipt(503, "", 30)), NotCounted)


def test_all_events_wait_where_the_crm_is_busy_and_one_where_it_speaks_of_one() -> None:
    assert Receipt(503, "", 30).pause_s == 30
    assert Receipt(429, "", 30).pause_s == 30
    assert Receipt(500, "", 30).pause_s == 0
    assert Receipt(500, "", 30).wait_s == 30


@given(st.floats(allow_nan=False))
def test_no_word_of_a_crm_stops_delivery_for_more_than_an_hour(retry_after_s: float) -> None:
    assert 0 <= Receipt(503, "", retry_after_s).pause_s <= 3600


def test_what_is_kept_is_bounded() -> None:
    assert Receipt(422, "no such call").told == "422 no such call"
    assert len(Receipt(422, "x" * 10_000).told) == MAX_WORDS
