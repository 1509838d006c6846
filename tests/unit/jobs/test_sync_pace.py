"""When the next sync is due."""

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.jobs.sync_pace import Pace

CHANCE = st.floats(0, 1, exclude_max=True)
PACE = Pace(every_s=60, most_s=900)


@given(CHANCE)
def test_after_one_that_went_well_it_is_every_s_more_or_less_a_tenth(chance: float) -> None:
    assert 54 <= PACE.next_s(0, chance, None) <= 66


@given(st.integers(1, 100), CHANCE)
def test_after_failures_it_is_anywhere_within_a_bound_that_doubles(failures: int, chance: float) -> None:
    bound = min(900, 60 * 2 ** (failures - 1))
    assert PACE.next_s(failures, chance, None) == chance * bound


@given(st.integers(0, 9), CHANCE, st.floats(0, 1e6))
def test_what_the_crm_asks_for_is_kept_to_within_reason(failures: int, chance: float, asked_s: float) -> None:
    waits_s = PACE.next_s(failures, chance, asked_s)
    assert waits_s >= min(asked_s, 900)
    assert waits_s <= 900


def test_a_feed_that_is_rarely_asked_is_not_asked_more_often_for_failing() -> None:
    assert Pace(every_s=3600, most_s=900).next_s(1, 0.999, None) < 900
