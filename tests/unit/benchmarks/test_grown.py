from pathlib import Path

import pytest

from benchmarks import grown
from benchmarks.compiled import Load
from benchmarks.grown import Curve, Growth, Served, in_turns

SIZES = (1_000, 10_000, 1_000_000)
DISTURBED = [[1.0, 1.1, 1.2], [10.0, 11.0, 13.0], [1.0, 9.0, 1.4]]
"""The machine stood still in the second round, and in a turn of the third."""


def a_growth() -> Growth:
    return Growth("routes", "routes", SIZES)


def test_how_much_it_grew_is_the_usual_of_rounds_whatever_one_of_them_met() -> None:
    *costs, grew, _ = Curve("a call", "ms", DISTURBED).figures(SIZES, "routes")
    assert [cost.value for cost in costs] == [1.0, 9.0, 1.4]
    assert (grew.value, grew.unit, grew.most) == (1.3, "", 1.5)


def test_the_least_disturbed_turns_are_compared_whatever_their_rounds() -> None:
    rounds = [[1.0, 1.0, 2.4], [4.0, 1.0, 1.2], [3.0, 1.0, 9.0]]
    assert Curve("a call", "ms", rounds).times_first_at_best == pytest.approx(1.2)


@pytest.mark.parametrize(("last", "kept"), [(1.5, True), (1.51, False)])
def test_a_cost_that_grew_too_much_breaks_the_promise(last: float, kept: bool) -> None:
    curve = Curve("a call", "ms", [[1.0, 1.0, last]])
    assert a_growth().section("", [curve], 0, draw=False).kept is kept


def test_what_is_not_promised_breaks_none_and_yet_is_better_the_less_it_is() -> None:
    curve = Curve("a look-up", "us", [[1.0, 2.0, 3.0]], promised=False)
    section = a_growth().section("", [curve], 0, draw=False)
    assert section.kept
    assert all(figure.less_is_better for figure in section.figures if not figure.unit)


def test_a_call_without_such_an_answer_breaks_the_promise() -> None:
    assert not a_growth().section("", [Curve("a call", "ms", DISTURBED)], 1, draw=False).kept


def test_the_points_of_a_picture_are_times_the_first() -> None:
    line = Curve("a call", "ms", DISTURBED).line(SIZES)
    assert line.points == [(1_000, 1.0), (10_000, 1.1), (1_000_000, 1.3)]
    assert line.name == "a call (1 ms with 1,000)"


def test_a_picture_is_drawn_only_where_it_is_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown, "IMAGES", tmp_path)
    curve = Curve("a call", "ms", DISTURBED)
    a_growth().section("", [curve], 0, draw=False)
    assert not list(tmp_path.iterdir())
    a_growth().section("", [curve], 0, draw=True)
    assert (tmp_path / "growth-routes.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_each_round_begins_with_another_and_measures_all() -> None:
    served = [
        Served(port, Load(Path("load"), Path("dids"), ""), lambda dice: [str(dice.random())]) for port in range(3)
    ]
    asked: list[int] = []

    def measure(one: Served) -> float:
        asked.append(one.port)
        return float(one.port)

    assert in_turns(served, 3, measure) == [[0.0, 1.0, 2.0]] * 3
    assert asked == [0, 1, 2, 1, 2, 0, 2, 0, 1]
