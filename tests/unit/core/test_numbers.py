"""Numbers: what is withheld, what is only formatting, and what is compared."""

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fallbackrouter.core.numbers import MAX_NUMBER_CHARS, WITHHELD, Number, read_number

FORMATTING = [" ", "-", "(", ")", ".", "/", "\u00a0", "\u2009", "\u2011", "\u202f", "\t"]


def _plan(dialled: str) -> str:
    """Stand in for a numbering plan: eleven digits with a 7 or an 8 in front are Russian."""
    digits = dialled.removeprefix("+")
    return "+7" + digits[1:] if len(digits) == 11 and digits[0] in "78" else ""


@pytest.mark.parametrize(
    "text", ["", " ", "unknown", "Unknown", "<unknown>", "ANONYMOUS", "private", " Private ", "\u00a0"]
)
def test_no_number_is_withheld(text: str) -> None:
    number = read_number(text, _plan)
    assert number == Number(raw=text, dialled="", key="", withheld=True)
    assert number.spellings == ()


def test_withheld_compares_equal_to_none_given() -> None:
    assert read_number("", None) == WITHHELD


@pytest.mark.parametrize(
    ("text", "dialled", "key", "e164"),
    [
        ("8 950 753-33-33", "89507533333", "79507533333", "+79507533333"),
        ("+7 (950) 753-33-33", "+79507533333", "79507533333", "+79507533333"),
        ("79507533333", "79507533333", "79507533333", "+79507533333"),
        ("632", "632", "632", ""),
        ("+632", "+632", "632", ""),
        ("*72#", "*72#", "*72#", ""),
        ("+", "+", "+", ""),
        ("1,,,end_auto,x,/etc/passwd", "1,,,end_auto,x,/etc/passwd", "1,,,end_auto,x,/etc/passwd", ""),
        ("123(4", "1234", "1234", ""),
        ('12"34', '12"34', '12"34', ""),
        (" Иван ", "Иван", "Иван", ""),
        ("sip:a@b", "sip:a@b", "sip:a@b", ""),
        ("()-", "()-", "()-", ""),
        ("unknown1", "unknown1", "unknown1", ""),
        ("8950753333\u0663", "8950753333\u0663", "8950753333\u0663", ""),
    ],
)
def test_a_number_is_read(text: str, dialled: str, key: str, e164: str) -> None:
    assert read_number(text, _plan) == Number(raw=text, dialled=dialled, key=key, e164=e164)


def test_without_a_region_only_the_plus_is_overlooked() -> None:
    assert read_number("+79507533333", None).key == read_number("79507533333", None).key
    assert read_number("89507533333", None).key != read_number("79507533333", None).key
    assert read_number("+79507533333", None).spellings == ("+79507533333",)


def test_a_pattern_is_tried_on_each_spelling_once() -> None:
    assert read_number("8 950 753-33-33", _plan).spellings == ("89507533333", "79507533333", "+79507533333")
    assert read_number("+79507533333", _plan).spellings == ("+79507533333", "79507533333")


_dialled = st.one_of(
    st.from_regex(r"\+?[78][0-9]{10}", fullmatch=True),
    st.from_regex(r"\+?[0-9*#]{1,15}", fullmatch=True),
)


@given(_dialled, st.data())
def test_formatting_changes_nothing(text: str, data: st.DataObject) -> None:
    bare = read_number(text, _plan)
    dressed = "".join(data.draw(st.sampled_from(["", *FORMATTING])) + char for char in text)
    event(f"e164 known: {bare.e164 != ''}")
    read = read_number(dressed, _plan)
    assert (read.dialled, read.key, read.e164) == (bare.dialled, bare.key, bare.e164) == (text, bare.key, bare.e164)


@given(st.sampled_from("78"), st.text(alphabet="0123456789", min_size=10, max_size=10), st.booleans())
def test_spellings_of_one_number_have_one_key(first: str, rest: str, plus: bool) -> None:
    number = read_number("+" * plus + first + rest, _plan)
    assert number.key == "7" + rest
    assert {read_number(spelling, _plan).key for spelling in number.spellings} == {number.key}


@given(st.one_of(st.text(max_size=300), st.text(alphabet="0123456789+*# ()-.\u200bunkow\x00\n,\"'", max_size=300)))
def test_any_text_is_a_number_or_withheld(text: str) -> None:
    number = read_number(text, _plan)
    event(f"withheld: {number.withheld}")
    assert number.raw == text[:MAX_NUMBER_CHARS]
    assert len(number.dialled) <= MAX_NUMBER_CHARS
    assert number.withheld is (number.key == "") is (number.dialled == "")
    assert all(number.spellings)


@given(st.text(alphabet="0123456789+*#", max_size=20).map(lambda text: text + "x"))
def test_reading_what_was_read_changes_nothing(text: str) -> None:
    once = read_number(text, _plan)
    assert read_number(once.dialled, _plan).key == once.key


def test_an_endless_number_is_cut() -> None:
    number = read_number("1" * 100_000, _plan)
    assert number.raw == number.dialled == "1" * MAX_NUMBER_CHARS
