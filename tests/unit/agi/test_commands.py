"""Commands arrive in Asterisk as they were meant, and nothing can be smuggled into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.agi.commands import MAX_LINE_BYTES, MAX_NAMES, array_name, quote, set_array, set_function
from fallbackrouter.agi.peer import read_command, split_list, split_words
from fallbackrouter.core.errors import AgiError
from tests.fakes.asterisk import obey, parse_args, separate

HOSTILE = [
    "a,b",
    "(",
    ")",
    "[x",
    "]",
    '"',
    '""',
    "\\",
    "\\\\",
    '\\"',
    " ",
    " x ",
    "\t",
    "'",
    "${EXTEN}",
    "Привет 📞",
    "a|b",
    "",
]
speakable = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=40)
tricky = st.text(st.sampled_from('ab ,()[]"\\\t${}|'), max_size=12)


def seen(line: str) -> dict[str, str]:
    """What the dialplan sees after this command."""
    variables: dict[str, str] = {}
    assert obey(variables, line.encode()) == b"200 result=1\n"
    return variables


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_arrives_as_sent(value: str) -> None:
    assert seen(set_array([("app", "group"), ("text", value), ("num", "62")])) == {
        "app": "group",
        "text": value,
        "num": "62",
    }
    assert seen(set_function("CALLERID(name)", value)) == {"CALLERID(name)": value}


@given(st.lists(speakable | tricky, min_size=1, max_size=9))
def test_any_values_arrive_as_sent(values: list[str]) -> None:
    pairs = [(f"v{number}", value) for number, value in enumerate(values)]
    line = set_array(pairs)
    assert "\n" not in line
    assert seen(line) == dict(pairs)
    assert read_command(line.encode() + b"\n") == dict(pairs)


@given(speakable | tricky)
def test_a_quoted_argument_is_one_word(text: str) -> None:
    assert parse_args(f"SET VARIABLE x {quote(text)}") == ["SET", "VARIABLE", "x", text]


@given(tricky)
def test_the_two_readers_agree(text: str) -> None:
    assert split_words(text) == parse_args(text)
    assert split_list(text) == separate(text)


@pytest.mark.parametrize("value", ["a\nSET VARIABLE SHELL(id) x", "a\rb", "a\0b", "\ud800"])
def test_no_second_line(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be said"):
        set_array([("text", value)])
    with pytest.raises(ValueError, match="cannot be said"):
        set_function("CALLERID(name)", value)


@pytest.mark.parametrize(
    "name", ["", "a b", "a,b", "a)", "SHELL(id)", "1a", "_a", "__a", "a\n", "${x}", "é", "a" * 65, 'a"', "a-b"]
)
def test_a_variable_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="no variable's name"):
        set_array([(name, "x")])


@pytest.mark.parametrize(
    "name", ["callerid", "CALLERID", "CALLERID(name", 'SHELL("id")', "A(b)c", "DB(a b)", "A(b)\n", ""]
)
def test_a_function_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="no dialplan function"):
        set_function(name, "x")


def test_the_bounds() -> None:
    fits = "x" * (MAX_LINE_BYTES - len('SET VARIABLE ARRAY(a) ""\n') - 1)
    assert len(set_array([("a", fits)])) + 1 == MAX_LINE_BYTES - 1
    with pytest.raises(ValueError, match="too long"):
        set_array([("a", fits + "x")])
    with pytest.raises(ValueError, match="too long"):
        set_function("CALLERID(name)", "я" * 1000)
    with pytest.raises(ValueError, match="at most"):
        array_name(tuple(f"a{number}" for number in range(MAX_NAMES + 1)))
    with pytest.raises(ValueError, match="values"):
        set_array([])


def test_99_names_arrive() -> None:
    pairs = [(f"a{number}", str(number)) for number in range(MAX_NAMES)]
    assert seen(set_array(pairs)) == dict(pairs)


@pytest.mark.parametrize(
    "line", [b"ANSWER\n", b"SET VARIABLE x\n", b"SET VARIABLE x y z\n", b"\n", b"EXEC Hangup x y\n"]
)
def test_other_commands_are_not_read(line: bytes) -> None:
    with pytest.raises(AgiError):
        read_command(line)
