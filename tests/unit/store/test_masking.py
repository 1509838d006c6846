import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.masking import HASH, MASK, SECRET_FILE, Veil, hiding, masked, pseudonym, read_secret

DID, CALLER = "+7 495 111-11-11", "79507533333"
HIDES = {"mask": masked, "hash": pseudonym(b"secret")}


@pytest.fixture(params=HIDES)
def veil(request: pytest.FixtureRequest) -> Veil:
    return Veil(HIDES[request.param], DID, CALLER)


@pytest.mark.parametrize("text", ["89507533333", "+79507533333", "+7 (950) 753-33-33", CALLER])
def test_every_spelling_of_the_caller_is_hidden_alike(veil: Veil, text: str) -> None:
    assert veil.caller(text) == veil.caller(CALLER)
    assert veil.text(f"from {text}.") == f"from {veil.caller(CALLER)}."
    assert "753" not in veil.caller(text)


@pytest.mark.parametrize(
    "text", ["", "anonymous", "102", "62", "reception", "74951111111", "8 (495) 111-11-11", "10.20.30.40:443"]
)
def test_what_is_nobodys_number_stays(veil: Veil, text: str) -> None:
    assert veil.text(text) == text


def test_a_short_or_withheld_caller_stays() -> None:
    for caller in ("", "anonymous", "102"):
        assert Veil(masked, DID, caller).caller(caller) == caller


def test_a_mask_shows_country_and_network_alone() -> None:
    assert Veil(masked, DID, CALLER).caller("8950 753-33-33") == "7950*******"


def test_other_numbers_are_hidden_each_for_itself(veil: Veil) -> None:
    hidden = veil.text("79261234567")
    assert hidden != veil.caller(CALLER)
    assert "1234567" not in hidden


def test_a_channel_loses_its_number_and_keeps_its_count() -> None:
    veil = Veil(masked, DID, CALLER)
    assert veil.channel("SIP/79507533333-00000012") == "SIP/7950*******-00000012"
    assert veil.channel("PJSIP/trunk-00000001") == "PJSIP/trunk-00000001"
    assert veil.channel("") == ""


def test_texts_inside_json_are_hidden_and_nothing_else() -> None:
    veil = Veil(masked, DID, CALLER)
    before = {"extra": {"link": f"/rec/{CALLER}.wav", "billsec": "31"}, "ms": 1234567890.5, "notes": ["x", None, True]}
    after = {"extra": {"link": "/rec/7950*******.wav", "billsec": "31"}, "ms": 1234567890.5, "notes": ["x", None, True]}
    assert json.loads(veil.json(json.dumps(before))) == after
    assert veil.json("no json, 79507533333") == "no json, 7950*******"


@given(st.text(alphabet="0123456789+-() abcäё*h:.", max_size=40), st.sampled_from(sorted(HIDES)))
def test_hiding_twice_changes_nothing(text: str, how: str) -> None:
    veil = Veil(HIDES[how], DID, CALLER)
    once = veil.text(text)
    assert veil.text(once) == once
    assert veil.caller(veil.caller(text)) == veil.caller(text)


def test_a_pseudonym_is_one_for_each_number_and_needs_the_secret() -> None:
    one, other = pseudonym(b"one"), pseudonym(b"other")
    assert one(CALLER) == one(CALLER)
    assert len({one(CALLER), one("79507533334"), other(CALLER)}) == 3
    assert not any(char.isdigit() for char in one(CALLER))


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    assert read_secret(tmp_path) is None
    first = hiding(HASH, tmp_path)(CALLER)
    assert hiding(HASH, tmp_path)(CALLER) == first
    assert stat.S_IMODE((tmp_path / SECRET_FILE).stat().st_mode) == 0o600
    assert len(read_secret(tmp_path) or b"") == 32
    assert [file.name for file in tmp_path.iterdir()] == [SECRET_FILE]


def test_a_mask_needs_no_secret(tmp_path: Path) -> None:
    assert hiding(MASK, tmp_path)(CALLER) == "7950*******"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read or made"):
        hiding(HASH, tmp_path / "missing")
