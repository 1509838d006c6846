"""Keys, their plain words, and TOML text."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.inspect import BoolType, DictType, ListType, StrType

from fallbackrouter.config.keys import all_keys, settings_type
from fallbackrouter.config.shape import example_of, kind_of_type, misfits
from fallbackrouter.config.toml import toml_text, toml_value


def test_keys_know_their_variable_and_their_default() -> None:
    keys = all_keys()
    assert keys["agi.workers"].env == "FALLBACKROUTER_AGI__WORKERS"
    assert keys["data_dir"].env == "FALLBACKROUTER_DATA_DIR"
    assert keys["policy.did"].env == ""
    assert keys["agi.workers"].default == 1
    assert keys["remembered.never"].default == ["auto", "ivr", "code"]
    assert keys["last_resort"].required
    assert (keys["crm.url"].section, keys["crm.url"].name) == ("crm", "url")
    envs = [key.env for key in keys.values() if key.env]
    assert len(set(envs)) == len(envs)


_values = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), _values, max_size=5))
def test_toml_text_reads_back(tables: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(tables)) == tables


def test_what_toml_cannot_say_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        toml_value(object())


@given(st.dictionaries(st.sampled_from(["agi", "policy", "node", "last_resort", "x"]), _values, max_size=4))
def test_any_tables_are_read_without_an_exception(tables: dict[str, object]) -> None:
    for fault in misfits(tables, settings_type()):
        assert fault.key
        assert fault.what
        assert fault.remedy


def test_types_have_plain_words_and_examples() -> None:
    table = DictType(StrType(), ListType(StrType()))
    assert kind_of_type(BoolType()) == "true or false"
    assert kind_of_type(table) == "a table"
    assert example_of(table) == '{ name = ["text"] }'
