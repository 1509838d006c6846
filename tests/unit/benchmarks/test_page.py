"""How figures come into the page that people read."""

import pytest

from benchmarks.figures import Figure, Section
from benchmarks.page import BEGIN, END, PAGE, merged, within


def _section(name: str, value: float) -> Section:
    return Section.of(name, "", [Figure("x", value)])


def test_figures_of_this_run_replace_their_former_selves_and_no_others() -> None:
    former = [_section("a", 1), _section("b", 1), _section("c", 1)]
    now = [_section("d", 2), _section("b", 2)]
    assert merged(former, now) == [_section("a", 1), _section("b", 2), _section("c", 1), _section("d", 2)]


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = f"# before\n\n{BEGIN}\nold | figures\n{END}\n\n## after\n"
    written = within(page, ["", "new", ""])
    assert written == f"# before\n\n{BEGIN}\n\nnew\n\n{END}\n\n## after\n"
    assert within(written, ["", "new", ""]) == written


@pytest.mark.parametrize("page", ["", f"text {BEGIN} text", f"text {END} text", f"{END} text {BEGIN}"])
def test_a_page_without_its_marks_is_told(page: str) -> None:
    with pytest.raises(ValueError, match=r"performance\.md lacks its marks"):
        within(page, ["new"])


def test_the_page_that_is_kept_has_its_marks() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert within(text, ["x"]).count("\nx\n") == 1
