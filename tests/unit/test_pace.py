"""How long budgets of scenarios are, by how long the machine stands still."""

from itertools import pairwise

import pytest

from tests.proof.machine import longest_stop_ms, pace_of


@pytest.mark.parametrize(("stop_ms", "pace"), [(0, 1), (99, 1), (100, 2), (600, 12), (60_000, 12)])
def test_a_machine_that_stands_still_gets_longer_budgets(stop_ms: float, pace: int) -> None:
    assert pace_of(stop_ms) == pace


def test_the_longer_it_stands_still_the_longer_they_are() -> None:
    paces = [pace_of(stop_ms) for stop_ms in range(1000)]
    assert all(one <= other for one, other in pairwise(paces))


def test_every_machine_is_held_up_for_a_moment() -> None:
    assert 0 < longest_stop_ms() < 60_000
