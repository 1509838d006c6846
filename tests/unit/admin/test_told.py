"""The service's own sentences in Russian: what it says of each part, and why tiers and rules win and lose."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.admin.pages.words import EN, MAX_TOLD_CHARS, RU, Words
from fallbackrouter.control import parts
from fallbackrouter.core import order, rulebook

OF_RULES = {"_why_narrower", "why_before", "_why_not_in_force", "_ranked"}


def sentences(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield what a module's functions and constants say, by the name of each; what changes in it is a 7."""
    for part in ast.parse(inspect.getsource(module)).body:
        if isinstance(part, ast.FunctionDef | ast.Assign):
            name = part.name if isinstance(part, ast.FunctionDef) else ast.unparse(part.targets[0])
            doc = ast.get_docstring(part, clean=False) if isinstance(part, ast.FunctionDef) else None
            inner = {id(piece) for one in ast.walk(part) if isinstance(one, ast.JoinedStr) for piece in one.values}
            for one in ast.walk(part):
                text = ""
                if isinstance(one, ast.JoinedStr):
                    text = "".join(str(piece.value) if isinstance(piece, ast.Constant) else "7" for piece in one.values)
                elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in inner:
                    text = one.value
                if " " in text.strip() and text != doc and not text.startswith((" (", "; ")):
                    yield name, text


def test_whatever_is_said_of_parts_has_its_russian() -> None:
    words = Words(RU)
    said = [text for name, text in sentences(parts) if name not in {"readiness", "Status"}]
    assert len(said) > 40
    assert [text for text in said if words.told(text) == text] == ["a process"]


@pytest.mark.parametrize("module", [order, rulebook])
def test_why_rules_win_and_lose_has_its_russian(module: ModuleType) -> None:
    words = Words(RU)
    said = [text for name, text in sentences(module) if name in OF_RULES]
    assert said
    assert [text for text in said if words.told(text) == text] == []


def test_a_sentence_within_a_sentence_is_told_too() -> None:
    told = Words(RU).told(
        "3 requests in a row failed; the last: no answer within 300 ms; calls go by what is known locally"
    )
    assert told == (
        "запросов подряд не удалось: 3; последний: нет ответа за 300 мс; звонки идут по тому, что известно на месте"
    )


def test_what_is_not_known_stays_as_it_is() -> None:
    assert Words(RU).told("Zut alors") == "Zut alors"
    assert Words(EN).told("wins") == "wins"
    assert Words(RU).told("") == ""


@given(st.text(max_size=2 * MAX_TOLD_CHARS))
def test_whatever_somebody_else_said_can_be_told(sentence: str) -> None:
    Words(RU).told(sentence)
