from pathlib import Path

import pytest

from benchmarks.ground import Ground
from benchmarks.growth import sizes


@pytest.mark.parametrize(
    ("first", "last", "steps"),
    [
        (1_000, 1_000_000, [1_000, 10_000, 100_000, 1_000_000]),
        (10_000, 5_000_000, [10_000, 100_000, 1_000_000, 5_000_000]),
        (10, 10_000, [10, 100, 1_000, 10_000]),
    ],
)
def test_a_long_run_goes_by_tens_and_a_short_one_from_the_first_to_the_last(
    first: int, last: int, steps: list[int]
) -> None:
    assert sizes(Ground(Path(), 1_000_000, full=True), first, last) == steps
    assert sizes(Ground(Path(), 1_000_000, full=False), first, last) == [first, last]


def test_however_few_routes_a_run_has_there_is_something_that_grows() -> None:
    assert sizes(Ground(Path(), 100, full=True), 1_000, 100) == [1_000, 10_000]
