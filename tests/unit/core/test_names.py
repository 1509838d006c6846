"""Names that may stand in a dialplan."""

import pytest

from fallbackrouter.core.names import is_function, is_variable


@pytest.mark.parametrize("name", ["app", "audio1", "A", "a" * 64, "FRuit"])
def test_names_of_variables(name: str) -> None:
    assert is_variable(name)


@pytest.mark.parametrize(
    "name", ["", "1a", "_app", "__app", "FR_X", "fr_source", "a b", "a-b", "a\n", "a" * 65, "é", "DB(x)", "a,b"]
)
def test_what_is_no_variables_name(name: str) -> None:
    assert not is_variable(name)


@pytest.mark.parametrize("name", ["CALLERID(name)", "CDR(userfield)", "CHANNEL(language)", "GLOBAL()"])
def test_names_of_functions(name: str) -> None:
    assert is_function(name)


@pytest.mark.parametrize("name", ["CALLERID", "callerid(name)", "CALLERID(name", 'DB("x")', "A(b)(c)", "A(${x})"])
def test_what_is_no_function(name: str) -> None:
    assert not is_function(name)
