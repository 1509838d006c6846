from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from benchmarks.picture import HEIGHT, WIDTH, Line, picture

SVG = "{http://www.w3.org/2000/svg}"
ROUTES = Line("a call", [(1_000, 1.0), (10_000, 1.1), (100_000, 1.2), (1_000_000, 1.4)])


def parsed(*lines: Line, title: str = "Cost of a call", bound: float = 1.5) -> ET.Element:
    return ET.fromstring(picture(title, "routes", lines, bound))  # noqa: S314 - our own text


def points(root: ET.Element, nth: int = 0) -> list[tuple[float, float]]:
    circles = [one for one in root.iter(f"{SVG}circle") if one.get("class") == f"s{nth}"]
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in circles]


def texts(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def height_of(root: ET.Element, look: str) -> float:
    (path,) = [one for one in root.iter(f"{SVG}path") if one.get("class") == look]
    return float(path.attrib["d"].split()[1].partition("H")[0])


def test_it_names_its_sizes_what_they_are_of_and_its_line() -> None:
    root = parsed(ROUTES)
    assert {"1,000", "10,000", "100,000", "1,000,000", "● a call", "Cost of a call"} <= set(texts(root))
    assert any(text.startswith("routes") for text in texts(root))
    assert root.findtext(f"{SVG}title") == "Cost of a call"


def test_ten_times_as_many_are_always_as_far_to_the_right() -> None:
    across = [x for x, _ in points(parsed(ROUTES))]
    steps = [right - left for left, right in pairwise(across)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)
    assert steps[0] > 100


def test_a_cost_lies_as_high_as_it_is() -> None:
    root = parsed(Line("a call", [(10, 1.0), (100, 1.5), (1_000, 2.0)]))
    one, half_more, twice = (y for _, y in points(root))
    assert one - half_more == pytest.approx(half_more - twice, abs=0.2)
    assert twice < half_more < one
    assert height_of(root, "bound") == pytest.approx(half_more, abs=0.2)


def test_the_line_goes_through_its_points() -> None:
    root = parsed(ROUTES)
    (path,) = [one for one in root.iter(f"{SVG}path") if one.get("class") == "line s0"]
    through = [tuple(map(float, place.split())) for place in path.attrib["d"][1:].split("L")]
    assert through == points(root)


@pytest.mark.parametrize("highest", [0.2, 1.0, 1.6, 3.9, 40.0, 1_000.0])
def test_whatever_it_cost_all_of_it_is_inside_with_few_lines_behind(highest: float) -> None:
    root = parsed(Line("a call", [(10, 1.0), (10_000, highest)]))
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in points(root))
    assert 0 < height_of(root, "bound") < HEIGHT
    assert 4 <= len([one for one in root.iter(f"{SVG}path") if one.get("class") == "grid"]) <= 14


def test_two_costs_have_a_look_and_a_name_each() -> None:
    root = parsed(ROUTES, Line("a look-up", [(1_000, 1.0), (1_000_000, 1.3)]))
    assert (len(points(root, 0)), len(points(root, 1))) == (4, 2)
    assert {"● a call", "● a look-up"} <= set(texts(root))


def test_one_size_alone_is_drawn() -> None:
    assert len(points(parsed(Line("a call", [(1_000, 1.0)])))) == 1


def test_what_is_written_in_it_cannot_break_it() -> None:
    hostile = "</text><script>&"
    root = parsed(Line(hostile, [(10, 1.0)]), title=hostile)
    assert texts(root).count(hostile) == 1
    assert f"● {hostile}" in texts(root)
    assert not list(root.iter(f"{SVG}script"))


def test_a_dark_page_has_colours_of_its_own() -> None:
    assert "prefers-color-scheme:dark" in (parsed(ROUTES).findtext(f"{SVG}style") or "")
