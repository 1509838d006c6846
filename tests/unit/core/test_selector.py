"""Texts that name numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.nearest import nearest, write_instead
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.route import printable
from fallbackrouter.core.selector import MAX_SELECTOR_CHARS, Selector, SelectorError


def _read(text: str) -> Number:
    return read_number(text, None)


def _named(*texts: str) -> Selector:
    selector = Selector(_read)
    for text in texts:
        selector.add(text)
    return selector


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("74951111111", "74951111111"),
        ("+7 (495) 111-11-11", "74951111111"),
        ("0100", "0100"),
        ("*72#", "*72#"),
        ("alice", "alice"),
        ("emergency-drill", "emergency-drill"),
        ("s", "s"),
        ("12-3456", "123456"),
    ],
)
def test_a_number_or_an_extensions_name_is_compared_by_its_key(text: str, key: str) -> None:
    assert _named(text).keys == {key}


def test_the_two_words_count_in_either_case() -> None:
    selector = _named("Any", "WITHHELD")
    assert (selector.any, selector.withheld, selector.keys) == (True, True, set())


def test_everything_named_makes_one_condition() -> None:
    condition = _named("632", "_7499XXXXXXX", "withheld").condition()
    assert condition.matches(_read("632"))
    assert condition.matches(_read("7 499 123-45-67"))
    assert condition.matches(_read("anonymous"))
    assert not condition.matches(_read("633"))


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "withheld"),
        ("anonymous", "withheld"),
        ("all", "any"),
        ("null", "leave the key out"),
        ("7499XXXXXXX", "_7499XXXXXXX"),
        ("7499.", "_7499."),
        ("749[1-5]", "_749[1-5]"),
        ("100-200", "_1XX"),
        ("74951111111, 74951111112", "digits"),
        ("10 & 11", "digits"),
        ("ночь", "digits"),
        ("1" * (MAX_SELECTOR_CHARS + 1), "shorten"),
        ("_", "write"),
        ("_[5-3]X", "write"),
        ("_1.2", "end the pattern"),
    ],
)
def test_what_would_silently_never_match_is_refused_with_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(SelectorError) as caught:
        _named(text)
    assert remedy in caught.value.remedy
    assert ";" not in str(caught.value)


def _refusal(selector: Selector, text: str) -> SelectorError | None:
    try:
        selector.add(text)
    except SelectorError as error:
        return error
    return None


@given(st.text(max_size=100))
def test_any_text_names_something_or_is_refused_printably(text: str) -> None:
    selector = Selector(_read)
    refusal = _refusal(selector, text)
    if refusal is None:
        assert selector.any or selector.withheld or selector.keys or selector.patterns
    else:
        assert printable(str(refusal), 1000) == str(refusal)
        assert refusal.remedy


def test_the_nearest_name_is_offered() -> None:
    assert nearest("Europe/Moskow", ["Europe/Moscow", "Europe/Minsk"]) == "Europe/Moscow"
    assert nearest("xyz", ["tier"]) == ""
    assert write_instead("teir", ["tier", "when"]) == "write tier"
    assert write_instead("xyz", ["tier", "when"]) == "write one of tier, when"
