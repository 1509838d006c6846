"""The service's own sentences in Russian: what it says of each part, and why tiers and rules win and lose."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.admin.pages.words import EN, MAX_TOLD_CHARS, RU, Words
from fallbackrouter.control import parts
from fallbackrouter.core import order, rulebook

REFUSALS = {
    *("Problem", "FallbackrouterError", "RulesError", "ControlError"),
    *("RefusedError", "MissingError", "NotWaitingError"),
}
CODE = Path(__file__).parents[3] / "fallbackrouter"
REFUSING = (
    *("admin/*.py", "admin/pages/*.py", "control/client.py", "daemon/drills.py"),
    *("jobs/rules_back.py", "jobs/rules_pin.py", "rulesfile/save.py", "store/event_changes.py", "store/calls.py"),
    *("office/ask.py", "office/explain.py", "office/moments.py", "office/pins.py", "office/rule_files.py"),
    *("office/wanted.py",),
)
"""What people who use the console may be refused by."""
OF_RULES = {"_why_narrower", "why_before", "_why_not_in_force", "_ranked"}


def sample(piece: ast.expr) -> str:
    """Return what stands in a sentence's place: its words, a number, nothing for the clause that may be left out."""
    if isinstance(piece, ast.Constant):
        return str(piece.value)
    return "" if isinstance(piece, ast.FormattedValue) and ast.unparse(piece.value) == "why" else "7"


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
                    text = "".join(map(sample, one.values))
                elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in inner:
                    text = one.value
                if text != doc and re.search(r"[a-z] |\w [a-z]", text) and not text.startswith((" (", "; ")):
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


def refusals(file: Path) -> Iterator[str]:
    """Yield what the refusals in a file say; what changes in them is a 7."""
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in REFUSALS:
            for said in call.args:
                text = "".join(map(sample, said.values)) if isinstance(said, ast.JoinedStr) else ""
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    text = said.value
                if re.search("[a-z] ", text):
                    yield text


def test_the_console_refuses_in_russian_too() -> None:
    said = {text for files in REFUSING for file in CODE.glob(files) for text in refusals(file)}
    assert len(said) > 60
    assert sorted(text for text in said if Words(RU).told(text) == text) == []


def test_a_sentence_within_a_sentence_is_told_too() -> None:
    told = Words(RU).told(
        "3 requests in a row failed; the last: no answer within 300 ms; calls go by what is known locally"
    )
    assert told == (
        "запросов подряд не удалось: 3; последний: нет ответа за 300 мс; звонки идут по тому, что известно на месте"
    )


def test_a_long_reason_is_told_as_it_is() -> None:
    reason = "x" * 300
    assert Words(RU).told(f"the feed fails: {reason}") == f"получить маршруты не удаётся: {reason}"


def test_what_is_not_known_stays_as_it_is() -> None:
    assert Words(RU).told("Zut alors") == "Zut alors"
    assert Words(EN).told("wins") == "wins"
    assert Words(RU).told("") == ""


@given(st.text(max_size=2 * MAX_TOLD_CHARS))
def test_whatever_somebody_else_said_can_be_told(sentence: str) -> None:
    Words(RU).told(sentence)
