import tomllib
from pathlib import Path

import pytest

from benchmarks.__main__ import ROUTES
from benchmarks.expected import EXPECTED
from benchmarks.ground import Ground
from benchmarks.grown import Curve, Growth
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


@pytest.mark.parametrize(
    ("name", "noun", "first", "last"),
    [
        ("routes", "routes", 1_000, ROUTES),
        ("rules", "rules", 10, ROUTES // 100),
        ("remembered", "remembered answers", 1_000, ROUTES // 10),
        ("journal", "decisions on record", 10_000, ROUTES * 5),
    ],
)
def test_what_is_expected_is_what_is_measured(name: str, noun: str, first: int, last: int) -> None:
    curves = [Curve(what, "", [[1.0, 1.0]]) for what in ("a call alone", "a look-up", "a call with its write")]
    section = Growth(name, noun, (first, last)).section("", curves, 0, draw=False)
    expected = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))[section.name]
    assert expected
    assert set(expected) <= {figure.what for figure in section.figures}
