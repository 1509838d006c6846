"""Texts: each has its Russian, none is left over, and counts are said as the language says them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes

from fallbackrouter.admin.pages.page import TEMPLATES, templates
from fallbackrouter.admin.pages.words import (
    EN,
    FOLDER,
    LANGUAGES,
    RU,
    SENTENCES,
    TERMS,
    Words,
    language_of,
    plural_of,
    read_words,
    terms,
)
from fallbackrouter.control.parts import STATES
from fallbackrouter.core.tier import DEFAULT_ORDER
from fallbackrouter.core.verdict import NAMES

CODE = Path(__file__).parents[3] / "fallbackrouter/admin"
FILES = [file for file in sorted(FOLDER.glob("*.json")) if file.name not in {TERMS, *SENTENCES}]


def said() -> Iterator[tuple[str, bool]]:
    """Yield every text of templates and code, and whether it is counted."""
    for file in TEMPLATES.rglob("*.html"):
        tree = templates().parse(file.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in {"t", "n"}:
                counted = call.node.name == "n"
                text = call.args[1 if counted else 0]
                assert isinstance(text, nodes.Const), f"{file.name}:{call.lineno} says what is no plain text"
                yield text.value, counted
    for file in CODE.rglob("*.py"):
        for found in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = called(found)
            if isinstance(found, ast.Call) and name in {"t", "n"}:
                word = found.args[1 if name == "n" else 0]
                if isinstance(word, ast.Constant):
                    yield str(word.value), name == "n"
                else:
                    assert file.name == "words.py", f"{file}:{found.lineno} says what is no plain text"


def sentences() -> Iterator[tuple[str, str | list[str]]]:
    for name in SENTENCES:
        yield from read_words(FOLDER / name).items()


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def known() -> Iterator[tuple[str, str | list[str]]]:
    for file in FILES:
        yield from read_words(file).items()


def names_in(text: str) -> list[str]:
    return sorted(set(re.findall(r"\{(\w+)\}", text)))


def test_every_text_has_its_russian_and_none_is_left_over() -> None:
    # Those of words.py itself, which are put together there.
    own = {"{h} h", "{min} min"}
    assert {text for text, _ in said()} | own == {text for text, _ in known()}


def test_a_text_stands_in_one_file_alone() -> None:
    texts = [text for text, _ in known()]
    assert sorted(texts) == sorted(set(texts))


def test_what_is_counted_has_three_forms_and_nothing_else_has() -> None:
    counted = dict(said())
    for text, russian in known():
        assert isinstance(russian, list) == counted.get(text, False), text
        assert len(russian) == 3 or isinstance(russian, str), text


def test_a_translation_names_the_same_values() -> None:
    for text, russian in [*known(), *sentences()]:
        for form in [russian] if isinstance(russian, str) else russian:
            assert names_in(form) == names_in(text), text


def test_the_data_s_words_have_names() -> None:
    named = terms()
    assert set(named["tier"]) == set(DEFAULT_ORDER)
    assert set(named["state"]) == set(STATES)
    assert set(named["verdict"]) == set(NAMES.values())


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", EN),
        ("ru", RU),
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", RU),
        ("en-US,en;q=0.9,ru;q=0.8", EN),
        ("de,ru;q=0.5,en;q=0.3", RU),
        ("de", EN),
        ("ru;q=0", EN),
        ("ru;q=x,en", EN),
        ("*", EN),
    ],
)
def test_the_browser_s_language(accept: str, language: str) -> None:
    assert language_of(accept) == language


@given(st.text(max_size=2000))
def test_whatever_a_browser_says_is_a_language(accept: str) -> None:
    assert language_of(accept) in LANGUAGES


@pytest.mark.parametrize(
    ("count", "form"),
    [
        (0, 2),
        (1, 0),
        (2, 1),
        (4, 1),
        (5, 2),
        (11, 2),
        (12, 2),
        (14, 2),
        (21, 0),
        (22, 1),
        (111, 2),
        (101, 0),
        (1_000, 2),
    ],
)
def test_russian_counts(count: int, form: int) -> None:
    assert plural_of(count) == form


@given(st.integers(min_value=0))
def test_a_form_follows_from_the_last_two_digits(count: int) -> None:
    assert plural_of(count) == plural_of(count % 100)


@pytest.mark.parametrize(
    ("seconds", "english", "russian"),
    [
        (0.2, "0 s", "0 с"),
        (59, "59 s", "59 с"),
        (180, "3 min", "3 мин"),
        (3600, "1 h", "1 ч"),
        (3900, "1 h 5 min", "1 ч 5 мин"),
        (183_600, "2 d 3 h", "2 д 3 ч"),
    ],
)
def test_lengths_of_time(seconds: float, english: str, russian: str) -> None:
    assert (Words(EN).length(seconds), Words(RU).length(seconds)) == (english, russian)


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert Words(EN).number(1234567.25, 1) == "1,234,567.2"
    assert Words(RU).number(1234567.25, 1) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567,2"
    assert (Words(EN).ms(42.13), Words(RU).ms(4.25), Words(EN).ms(None)) == ("42 ms", "4,2 мс", "\N{EN DASH}")
