"""Patterns: what they match is what a real Asterisk 16 and 22 matched; tests/asterisk asks them again."""

from itertools import pairwise

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from fallbackrouter.core.errors import PatternError
from fallbackrouter.core.pattern import MAX_PATTERN_CHARS, parse_pattern, shape_of
from tests.fakes.telephony import DIGITS, numbers, pattern_texts, sets

NUMBERS = ["", "-", "1", "2", "25", "255", "5X", "12", "1-2", "-12", "12-", "55", "5", "s", "Ab", "ab", "AB", "A", "a1"]
NUMBERS += [
    "+71",
    "*92",
    "#1",
    "*1",
    "_X.",
    "_x.",
    "_[0-9].",
    "_2X",
    "a@b",
    "é",
    "1é",
    "13",
    "1_2",
    "X",
    "1:2",
    "19293",
]

SEEN = {
    "_X.": "25 255 5X 12 1-2 -12 12- 55 1é 13 1_2 1:2 19293 _X. _x. _[0-9].",
    "_2X": "25 _2X",
    "_2X!": "25 255",
    "_x": "1 2 5",
    "_n": "2 5",
    "_z": "1 2 5",
    "_Ab": "Ab",
    "_A-b": "Ab",
    "_ab": "ab",
    "_[a-c]1": "a1",
    "_[A]": "A",
    "_*9X": "*92",
    "_[*#]1": "#1 *1",
    "_a@b": "a@b",
    "_1_2": "1_2",
    "_1:2": "1:2",
    "_-X": "1 2 5",
    "_X-": "1 2 5",
    "_1--2": "12 1-2 -12 12-",
    "_s": "s",
    "_1Z2z3": "19293",
    "_[0-9a-z]": "1 2 5 s",
    "_[1-3]X": "25 12 1-2 -12 12- 13",
    "_[12-4]": "1 2",
    "_+7X": "+71",
    "_[+]7X": "+71",
}


@pytest.mark.parametrize("text", SEEN)
def test_it_matches_what_asterisk_was_seen_to_match(text: str) -> None:
    pattern = parse_pattern(text)
    assert [number for number in NUMBERS if pattern.matches(number)] == sorted(SEEN[text].split(), key=NUMBERS.index)


def test_the_dot_wants_one_more_character_and_the_bang_none() -> None:
    one_more, any_more = parse_pattern("_."), parse_pattern("_!")
    assert [number for number in NUMBERS if not one_more.matches(number)] == ["", "-"]
    assert all(any_more.matches(number) for number in NUMBERS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("123", "begins with an underscore"),
        ("", "begins with an underscore"),
        ("_", "nothing after the underscore"),
        ("_--", "nothing after the underscore"),
        ("_" + "X" * MAX_PATTERN_CHARS, "at most 80"),
        ("_1 2", "no blanks"),
        ("_1\u00a02", "no blanks"),
        ("_[1 2]3", "no blanks"),
        ("_X./123", "`/` begins a caller's number"),
        ("_[12", "has no partner"),
        ("_12]", "has no partner"),
        ("_[[1]2]", "has no place inside"),
        ("_[]5", "empty set"),
        ("_[5-3]X", "runs backwards"),
        ("_[1-3-5]", "a dash inside []"),
        ("_[1-]", "a dash inside []"),
        ("_[-1]", "a dash inside []"),
        ("_[1-a]", "is no range"),
        ("_[Z-a]", "is no range"),
        ("_[*-9]", "is no range"),
        ("_[X]1", "is the letter itself"),
        ("_[1n]", "is the letter itself"),
        ("_[^1]", "has no place inside"),
        ("_[.]", "has no place inside"),
        ("_X.5", "take all that follows"),
        ("_X!5", "take all that follows"),
        ("_.X", "take all that follows"),
        ("_X..", "take all that follows"),
        ("_X!.", "take all that follows"),
        ("_X.[1-5]", "take all that follows"),
        ("_1,2", "no dialled number holds ','"),
        ("_1;2", "no dialled number holds ';'"),
        ("_${X}", "no dialled number holds '$'"),
        ("_1\n2", "no blanks"),
        ("_1\x002", "no dialled number holds"),
        ("_é", "no dialled number holds"),
        ("_\u0663", "no dialled number holds"),
    ],
)
def test_a_trap_is_refused_with_reason_and_remedy(text: str, reason: str) -> None:
    with pytest.raises(PatternError, match="; ") as refused:
        parse_pattern(text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(alphabet="_0123456789XZN[]-.!/ ,é\x00ab*", max_size=100).map(lambda text: "_" + text))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except PatternError:
        event("refused")
        return
    event("accepted")
    assert pattern.text == text
    assert len(pattern.positions) < MAX_PATTERN_CHARS


@given(st.text(max_size=256).map(lambda text: "_" + text))
def test_a_hostile_number_that_looks_like_a_pattern_is_read_without_failing(number: str) -> None:
    shape_of(number)
    parse_pattern("_X.").matches(number)


@pytest.mark.parametrize(
    ("number", "pattern", "same"),
    [
        ("_[0-9].", "_X.", True),
        ("_2-X", "_2X", True),
        ("_[]2X", "_2X", True),
        ("_[5-3]2X", "_2X", True),
        ("_[5-31]", "_1", True),
        ("_[1-05]", "_5", False),
        ("_[12", "_12", False),
        ("_2X.5", "_2X.", False),
        ("_é", "_X", False),
        ("_.", "_.", True),
    ],
)
def test_a_number_that_spells_a_pattern_is_that_pattern(number: str, pattern: str, same: bool) -> None:
    assert (shape_of(number) == parse_pattern(pattern).shape) is same


def _model(pattern: str, number: str) -> bool:
    """Match by definition, one character after the other."""
    if number.startswith("-"):
        return _model(pattern, number[1:])
    if pattern.startswith("-"):
        return _model(pattern[1:], number)
    if not pattern:
        return not number
    if pattern in (".", "!"):
        return pattern == "!" or bool(number)
    head, rest = pattern[0], pattern[1:]
    if head == "[":
        members, _, rest = rest.partition("]")
        accepted = _members(members)
    else:
        accepted = {"X": DIGITS, "Z": DIGITS[1:], "N": DIGITS[2:]}.get(head.upper(), head)
    return number[:1] != "" and number[0] in accepted and _model(rest, number[1:])


def _members(members: str) -> str:
    if len(members) > 2 and members[1] == "-":
        span = "".join(chr(code) for code in range(ord(members[0]), ord(members[2]) + 1))
        return span + _members(members[3:])
    return members[:1] + _members(members[1:]) if members else ""


@given(pattern_texts(), numbers)
def test_it_matches_what_the_definition_says(text: str, number: str) -> None:
    assume(not number.startswith("_"))
    matches = parse_pattern(text).matches(number)
    event(f"matches: {matches}")
    assert matches is _model(text[1:], number)


@st.composite
def _patterns_with_a_match(draw: st.DrawFn) -> tuple[str, str]:
    text = draw(pattern_texts())
    pattern = parse_pattern(text)
    more = draw(st.text(alphabet=DIGITS, max_size=2)) if pattern.tail else ""
    chosen = [draw(st.sampled_from(sorted(accepted))) for accepted in pattern.positions]
    return text, "".join(chosen) + more


@given(_patterns_with_a_match())
def test_a_number_made_from_the_pattern_is_judged_by_the_definition(pair: tuple[str, str]) -> None:
    text, number = pair
    matches = parse_pattern(text).matches(number)
    event(f"matches: {matches}")
    assert matches is _model(text[1:], number)


ORDERED = [
    "_24",
    "_2[4-5]",
    "_2[4-6]X",
    "_2N",
    "_2Z",
    "_2XX",
    "_2XX!",
    "_2X",
    "_2X.",
    "_2X!",
    "_2.",
    "_[1-3]4",
    "_X",
    "_X.",
]
ORDERED += ["_.", "_!"]


def test_the_more_specific_comes_first() -> None:
    keys = [parse_pattern(text).specificity for text in ORDERED]
    assert all(one < other for one, other in pairwise(keys))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("_[123]X", "_[1-3]X"),
        ("_X.", "_[0-9]."),
        ("_x", "_X"),
        ("_2-X", "_2X"),
        ("_[1-33]", "_[312]"),
        ("_[2-9]", "_N"),
    ],
)
def test_spellings_of_one_pattern_are_equal(one: str, other: str) -> None:
    assert parse_pattern(one).specificity == parse_pattern(other).specificity
    assert parse_pattern(one).shape == parse_pattern(other).shape


@given(st.lists(sets, min_size=1, max_size=5), st.data())
def test_leaving_members_out_makes_it_no_less_specific(spelled: list[str], data: st.DataObject) -> None:
    wide = parse_pattern("_" + "".join(spelled))
    narrow = [data.draw(st.sets(st.sampled_from(sorted(accepted)), min_size=1)) for accepted in wide.positions]
    fewer = parse_pattern("_" + "".join(f"[{''.join(sorted(accepted))}]" for accepted in narrow))
    assert fewer.specificity <= wide.specificity


def test_the_bound_is_asterisks() -> None:
    longest = "_" + "X" * (MAX_PATTERN_CHARS - 1)
    assert parse_pattern(longest).matches("1" * (MAX_PATTERN_CHARS - 1))
