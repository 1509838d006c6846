"""The wait before the next try."""

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.backoff import full_jitter_s

CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.integers(-5, 10**9), CHANCES)
def test_it_is_never_negative_and_never_past_the_bound(failures: int, chance: float) -> None:
    assert 0 <= full_jitter_s(failures, chance, first_s=1, most_s=300) < 300


@given(st.integers(1, 8), CHANCES)
def test_it_takes_any_length_up_to_a_bound_that_doubles(failures: int, chance: float) -> None:
    assert full_jitter_s(failures, chance, first_s=1, most_s=300) == chance * 2 ** (failures - 1)


def test_many_failures_stay_at_the_bound() -> None:
    assert [full_jitter_s(n, 0.5, first_s=1, most_s=300) for n in (9, 10, 63, 64, 5000)] == [128, 150, 150, 150, 150]
