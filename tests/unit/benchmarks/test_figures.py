"""A figure, its promise, and its table."""

import pytest

from benchmarks.figures import Figure, Section, dump, load


@pytest.mark.parametrize(
    ("figure", "kept"),
    [
        (Figure("rate", 0.4, least=0.4), True),
        (Figure("rate", 0.399, least=0.4), False),
        (Figure("p50", 0.3, "ms", most=0.3), True),
        (Figure("p50", 0.301, "ms", most=0.3), False),
        (Figure("both", 5, least=4, most=6), True),
        (Figure("both", 7, least=4, most=6), False),
        (Figure("both", 3, least=4, most=6), False),
        (Figure("nothing is promised", -1e9), True),
    ],
)
def test_a_promise_holds_up_to_its_bound(figure: Figure, kept: bool) -> None:
    assert figure.kept is kept
    assert Section.of("one", "", [Figure("other", 1), figure]).kept is kept


def test_a_promise_is_told_with_its_bounds() -> None:
    assert Figure("both", 5, least=4, most=6).promise == "at least 4 and at most 6: kept"
    assert Figure("slow", 7, "ms", most=6).promise == "at most 6: NOT KEPT"
    assert not Figure("nothing", 7).promise


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        (Figure("", 12345.6, "calls/s"), "12,346 calls/s"),
        (Figure("", 0.41234), "0.412"),
        (Figure("", 99.94, "ms"), "99.9 ms"),
        (Figure("", 0, "calls"), "0 calls"),
        (Figure("", -123.4), "-123"),
    ],
)
def test_a_value_is_written_as_a_reader_wants_it(figure: Figure, written: str) -> None:
    assert figure.written() == written


def test_a_table_names_every_figure_once() -> None:
    section = Section.of(
        "calls", "What\n  was done.", [Figure("rate", 5000, "calls/s"), Figure("share", 0.3, least=0.4)]
    )
    assert section.about == "What was done."
    assert section.text().splitlines() == [
        "== calls",
        "rate      5,000 calls/s",
        "share               0.3  at least 0.4: NOT KEPT",
    ]
    assert section.markdown()[-2:] == ["| rate | 5,000 calls/s |  |", "| share | 0.3 | at least 0.4: NOT KEPT |"]


def test_sections_are_read_as_they_were_written() -> None:
    figures = [Figure("a", 1.5, "ms", most=2), Figure("b", 1, better="less")]
    read = load(dump([Section.of("one", "about", figures), Section.of("two", "", [])]))
    assert [(section.name, section.about, list(section.figures)) for section in read] == [
        ("one", "about", figures),
        ("two", "", []),
    ]
