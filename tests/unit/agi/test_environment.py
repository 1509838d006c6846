"""The header block: whole, bytewise and with a tail it reads the same; hostile blocks end in one sentence."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.agi.environment import MAX_BYTES, MAX_LINES, Environment, HeaderReader, read_environment
from fallbackrouter.core.errors import AgiError
from tests.fakes.asterisk import Channel, application

BLOCK = application(Channel(), "cur,${EXTEN},${CALLERID(num)},${UNIQUEID},init,,")


def fed(pieces: list[bytes]) -> tuple[Environment | str | None, bytes]:
    reader = HeaderReader()
    environment: Environment | None = None
    try:
        for piece in pieces:
            environment = reader.feed(piece) or environment
    except AgiError as error:
        return str(error), b""
    return environment, reader.tail


def test_reads_what_asterisk_sends() -> None:
    environment = read_environment(BLOCK)
    assert environment.script == "cur"
    assert environment.args == ("74951111111", "79507533333", "1700000000.57", "init", "", "")
    assert environment.values["agi_callerid"] == "79507533333"
    assert environment.values["agi_dnid"] == "unknown"
    assert environment.values["agi_accountcode"] == ""
    assert environment.notes == ()


def test_the_blank_line_may_be_there_or_not() -> None:
    assert read_environment(BLOCK) == read_environment(BLOCK[:-1]) == read_environment(BLOCK[:-2])


def test_carriage_returns_before_line_feeds_are_tolerated() -> None:
    assert fed([BLOCK.replace(b"\n", b"\r\n")]) == fed([BLOCK])


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    environment = read_environment(b"agi_network_script: ask\nagi_callerid: \xff\xed\xa0\x80\n\n")
    assert environment.values["agi_callerid"].encode("utf-8")


@pytest.mark.parametrize("name", ["agi_callerid", "agi_uniqueid", "agi_network_script"])
def test_a_later_line_cannot_replace_the_first(name: str) -> None:
    environment = read_environment(BLOCK[:-1] + f"{name}: forged\n\n".encode())
    assert environment.values[name] == read_environment(BLOCK).values[name]
    assert environment.notes


@pytest.mark.parametrize(
    ("lines", "args"),
    [
        ("agi_arg_1: a\nagi_arg_2: forged\nagi_arg_2: b", ("a",)),
        ("agi_arg_1: a\nagi_arg_3: forged\nagi_arg_2: b\nagi_arg_3: c", ("a",)),
        ("agi_arg_1: a\nagi_arg_2: forged\nx: y\nagi_arg_2: b", ("a",)),
        ("agi_arg_2: forged\nagi_arg_1: a\nagi_arg_2: b", ()),
        ("agi_arg_1: forged\nagi_context: x\nagi_arg_1: a", ()),
        ("agi_arg_1: a\nagi_arg_7: forged", ("a",)),
        ("agi_arg_1: a\nagi_arg_٢: forged", ("a",)),
    ],
)
def test_arguments_out_of_order_are_not_believed(lines: str, args: tuple[str, ...]) -> None:
    environment = read_environment(f"agi_network_script: ask\n{lines}\n\n".encode())
    assert environment.args == args


def test_lines_that_are_none_are_noted() -> None:
    environment = read_environment(b"agi_network_script: ask\nnonsense\nagi_arg_1: a\n\n")
    assert environment.args == ("a",)
    assert environment.notes == ("1 header lines were no lines of AGI's",)


def test_an_empty_value_may_have_lost_its_blank() -> None:
    environment = read_environment(b"agi_network_script: ask\nagi_accountcode:\nagi_arg_1: a\nagi_arg_2:\n\n")
    assert environment.values["agi_accountcode"] == ""
    assert environment.args == ("a", "")
    assert environment.notes == ()


@pytest.mark.parametrize(
    "block",
    [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00", b"\n", b"agi-network: yes\n", b"agi_x: y\n\n", b"agi_\n\n"],
)
def test_what_is_not_agi_is_refused(block: bytes) -> None:
    assert isinstance(fed([block])[0], str)
    assert fed([block[at : at + 1] for at in range(len(block))]) == fed([block])


def test_the_bounds() -> None:
    line = b"agi_network_script: ask\n"
    full = line + b"agi_x: " + b"x" * (MAX_BYTES - len(line) - 9) + b"\n\n"
    assert len(full) == MAX_BYTES
    assert isinstance(fed([full])[0], Environment)
    larger = full.replace(b"agi_x", b"agi_xy")
    assert "larger" in str(fed([larger])[0])
    assert "larger" in str(fed([larger[:MAX_BYTES]])[0])
    many = b"".join(b"agi_%d: x\n" % number for number in range(MAX_LINES - 1))
    assert isinstance(fed([line + many + b"\n"])[0], Environment)
    assert "lines" in str(fed([line + many + b"agi_z: x\n\n"])[0])
    with pytest.raises(AgiError):
        read_environment(larger)


lines = st.lists(
    st.sampled_from(
        [
            b"agi_network_script: ask",
            b"agi_uniqueid: 1.2",
            b"agi_arg_1: a",
            b"agi_arg_2: b",
            b"x",
            b"agi_callerid: \xff",
        ]
    )
    | st.binary(max_size=12),
    max_size=8,
)


@given(lines, st.sampled_from([b"\n", b"\r\n"]), st.binary(max_size=6), st.lists(st.integers(0, 200), max_size=6))
def test_any_split_reads_the_same(header: list[bytes], ending: bytes, tail: bytes, cuts: list[int]) -> None:
    data = b"agi_network: yes\n" + b"".join(line + ending for line in header) + b"\n" + tail
    places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    pieces = [data[one:other] for one, other in pairwise(places)]
    whole = fed([data])
    assert fed(pieces) == whole
    assert fed([data[at : at + 1] for at in range(len(data))]) == whole
