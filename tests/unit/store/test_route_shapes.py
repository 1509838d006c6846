import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.errors import PatternError
from fallbackrouter.core.numbers import WITHHELD, Number, read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.rule import Condition
from fallbackrouter.store.route_shapes import Keys, Shape, condition, key, parts, placed, rank, texts

DIGITS = st.text("0123456789", min_size=1, max_size=5)
FIXED = st.text("0123459+*#-", max_size=4)
PATTERNS = st.builds(
    lambda fixed, digits, tail: f"_{fixed}{digits}{tail}",
    FIXED,
    st.text("Xx", max_size=3),
    st.sampled_from(["", ".", "!"]),
).filter(lambda text: text.strip("_-") != "")
HOSTILE = st.one_of(
    st.text("0123459+*#-", max_size=8),
    PATTERNS,
    st.text("0123459_X.!=-\t", max_size=8),
    st.text(string.printable, max_size=8),
)


def number(text: str) -> Number:
    e164 = f"+7{text[1:]}" if text.startswith("8") and text.isdigit() else ""
    return read_number(text, lambda _: e164)


@given(PATTERNS, HOSTILE)
def test_a_number_leads_to_a_pattern_exactly_where_it_matches(pattern: str, dialled: str) -> None:
    place = placed(pattern)
    assert place.shape is not None
    asked = number(dialled)
    matches = any(parse_pattern(pattern).matches(spelling) for spelling in asked.spellings)
    assert (place.text in texts(asked, place.shape)) is matches


@given(DIGITS.filter(lambda text: text != "withheld"), HOSTILE)
def test_a_number_leads_to_itself_alone(dialled: str, other: str) -> None:
    place = placed(number(dialled).key)
    assert place.shape == Shape("number")
    asked = number(other)
    same = not asked.withheld and asked.key == number(dialled).key
    assert (place.text in texts(asked, Shape("number"))) is same


@given(HOSTILE, HOSTILE, st.sets(st.sampled_from([*map(placed, ("", "withheld", "123", "_1.", "_1X", "_12!"))])))
def test_texts_of_different_kinds_are_never_mistaken(dialled: str, caller: str, places: set[tuple[str, Shape]]) -> None:
    shapes = [shape for _, shape in places]
    pairs = [(one, other) for one in shapes for other in shapes]
    found = Keys(pairs).of(number(dialled), number(caller))
    for did_text, did_shape in places:
        for caller_text, caller_shape in places:
            leads = did_text in texts(number(dialled), did_shape) and caller_text in texts(number(caller), caller_shape)
            assert (key(did_text, caller_text) in found) is leads


def test_every_spelling_of_a_number_leads_to_its_pattern() -> None:
    asked = number("89507533333")
    assert asked.spellings == ("89507533333", "79507533333", "+79507533333")
    for pattern in ("_8950.", "_7950XXXXXXX", "_+7950!"):
        place = placed(pattern)
        assert place.shape is not None
        assert place.text in texts(asked, place.shape)


def test_a_withheld_caller_leads_to_any_and_withheld_alone() -> None:
    assert texts(WITHHELD, Shape("any")) == ("",)
    assert texts(WITHHELD, Shape("withheld")) == ("-",)
    assert texts(WITHHELD, Shape("number")) == ()
    assert texts(WITHHELD, Shape("pattern", 0, 0, "!")) == ()
    assert texts(number("withheld"), Shape("withheld")) == ()


@pytest.mark.parametrize("pattern", ["_NXX", "_7[1-5]X.", "_7X5", "_Z.", "_7abc."])
def test_other_patterns_have_no_place(pattern: str) -> None:
    assert placed(pattern) == (pattern, None)


def test_one_pattern_in_two_spellings_has_one_place() -> None:
    assert placed("_7-495xxX.") == placed("_7495XXX.") == ("_7495XXX.", Shape("pattern", 4, 3, "."))


def test_a_text_stands_for_its_condition() -> None:
    assert condition("") == Condition(any=True)
    assert condition("-") == Condition(withheld=True)
    assert condition("=_7.") == Condition(exact=frozenset({"_7."}))
    assert condition("_7.") == Condition(patterns=(parse_pattern("_7."),))
    assert parts(key("=1", "_2.")) == ("=1", "_2.")


def test_ranks_are_those_of_the_rulebook() -> None:
    assert rank("=1") == rank("-") < rank("_749!") < rank("_74.") < rank("")


def test_what_is_no_condition_is_refused() -> None:
    with pytest.raises(PatternError):
        placed("_12[")
    with pytest.raises(ValueError, match="tabulator"):
        placed("1\t2")
