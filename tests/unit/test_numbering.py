"""The numbering plan: which spellings are one telephone number, and how one is spelled for a CRM."""

import random

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.numbering import CACHE_NUMBERS, FORMS, Numbering
from tests.proof.size import FULL

RU = Numbering("RU")
PLAIN = Numbering()
REGIONS = ("US",)
MORE_REGIONS = ("BR", "DE", "GB", "IT", "FR", "UA", "AU", "KZ", "TR")
"""Learning a region's numbers takes seconds each."""


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("8 950 753-33-33", "79507533333"),
        ("+79507533333", "79507533333"),
        ("89507533333", "79507533333"),
        ("79507533333", "79507533333"),
        ("9507533333", "79507533333"),
        ("8 (495) 111-11-11", "74951111111"),
        ("+49 30 1234567", "49301234567"),
        ("632", "632"),
        ("+7632", "7632"),
        ("112", "112"),
        ("1234567", "1234567"),
        ("+9991234567", "9991234567"),
        ("*72#", "*72#"),
        ("100000000000000000000", "100000000000000000000"),
    ],
)
def test_spellings_of_a_number_are_one_in_russia(text: str, key: str) -> None:
    assert RU.read(text).key == key


def test_without_a_region_digits_are_compared_as_they_come() -> None:
    assert PLAIN.read("89507533333").key == "89507533333"
    assert PLAIN.read("+79507533333").e164 == ""


def test_an_unknown_region_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'XX'"):
        Numbering("XX")


@pytest.mark.parametrize(
    ("text", "raw", "digits", "national", "e164"),
    [
        ("+7 (950) 753-33-33", "+7 (950) 753-33-33", "79507533333", "89507533333", "+79507533333"),
        ("8950-753-33-33", "8950-753-33-33", "89507533333", "89507533333", "+79507533333"),
        ("632", "632", "632", "632", "632"),
        ("*72#", "*72#", "72", "72", "72"),
        ("Иван", "Иван", "Иван", "Иван", "Иван"),
        ("unknown", "unknown", "unknown", "unknown", "unknown"),
        ("", "", "", "", ""),
    ],
)
def test_a_number_is_spelled_for_the_crm(text: str, raw: str, digits: str, national: str, e164: str) -> None:
    assert tuple(RU.spell(RU.read(text), form) for form in FORMS) == (raw, digits, national, e164)


@given(st.text(alphabet="0123456789+-() x", max_size=24))
@example("+310000000")
@example("+2000000000")  # its digits alone, as dialled in Russia, are another number
def test_any_text_is_read_and_spelled(text: str) -> None:
    for numbering in (RU, PLAIN):
        number = numbering.read(text)
        assert {numbering.read(spelling).key for spelling in (number.dialled, number.e164) if spelling} <= {number.key}
        assert set(number.spellings) <= {number.dialled, number.key, number.e164}
        assert all(isinstance(numbering.spell(number, form), str) for form in FORMS)


def test_the_cache_is_bounded() -> None:
    for number in range(CACHE_NUMBERS + 100):
        PLAIN.read(str(number))
    assert PLAIN.read.cache_info().currsize == CACHE_NUMBERS


@pytest.mark.parametrize(
    ("region", "may_differ"),
    [(region, 0.003) for region in (*REGIONS, *(MORE_REGIONS if FULL else ()))] + [("RU", 0)],
)
def test_respellings_make_the_same_of_a_number_as_its_region_does(region: str, may_differ: float) -> None:
    numbering = Numbering(region)
    patterns = [(parse_pattern(text), one) for one in numbering.respellings() for text in one.patterns]
    rng = random.Random(region)
    known = 0
    others: list[str] = []
    for number in (_dialled(rng, region) for _ in range(1_500)):
        made = {one.prepend + number[one.drop :] for pattern, one in patterns if pattern.matches(number)}
        whole = numbering.read(number).e164
        known += bool(whole)
        if made != ({whole[1:]} if whole else set()):
            others.append(number)
    assert len(others) <= may_differ * 1_500, others
    assert known > 300


def _dialled(rng: random.Random, region: str) -> str:
    """Return a number as it might be dialled in a region; half of them are no whole number."""
    code = str(phonenumbers.country_code_for_region(region))
    abroad = {"RU": "810", "KZ": "810", "US": "011", "BR": "0015", "AU": "0011"}.get(region, "00")
    trunk = {"RU": "8", "KZ": "8", "US": "1", "IT": ""}.get(region, "0")
    before = rng.choice(
        ("", "", trunk, trunk, code, f"+{code}", f"+{code}{trunk}", abroad + code, "+380", abroad + "380")
    )
    first = "5" if before.endswith("380") else ""
    length = rng.choice((9, 10, 10, 10, rng.randint(4, 13)))
    number = before + first + "".join(rng.choices("0123456789", k=length))
    return number if 7 <= len(number.lstrip("+")) <= 17 else _dialled(rng, region)


def test_without_a_region_nothing_is_respelled() -> None:
    assert PLAIN.respellings() == []
