"""JSON lines: whole, cut anywhere, with a tail, and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.control.lines import MAX_LINE_BYTES, LineReader, Message, encode
from fallbackrouter.core.errors import ControlError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
messages = st.dictionaries(texts, st.one_of(texts, st.integers(-(10**9), 10**9), st.none(), st.booleans()), max_size=5)


@given(st.lists(messages, max_size=4), st.lists(st.integers(1, 30), max_size=40))
def test_messages_arrive_however_the_bytes_are_cut(sent: list[Message], cuts: list[int]) -> None:
    data = b"".join(encode(message) for message in sent)
    reader = LineReader()
    got: list[Message] = []
    for cut in cuts:
        got += reader.feed(data[:cut])
        data = data[cut:]
    got += reader.feed(data)
    assert got == sent


def test_a_half_line_is_held_back() -> None:
    reader = LineReader()
    assert reader.feed(b'{"a":1}\n{"b"') == [{"a": 1}]
    assert reader.feed(b":2}\n") == [{"b": 2}]


def test_blank_lines_say_nothing() -> None:
    assert LineReader().feed(b"\n \n") == []


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b"\xff\xfe\n", b"[" * 60_000 + b"\n", b'"text"\n'])
def test_what_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(ControlError):
        LineReader().feed(line)


def test_an_endless_line_is_refused_before_its_end() -> None:
    reader = LineReader()
    assert reader.feed(b"x" * (MAX_LINE_BYTES - 1)) == []
    with pytest.raises(ControlError, match="longer than"):
        reader.feed(b"x")


def test_too_long_a_message_is_not_sent() -> None:
    with pytest.raises(ControlError, match="longer than"):
        encode({"text": "x" * MAX_LINE_BYTES})


def test_the_longest_line_passes_both_ways() -> None:
    message = {"t": "x" * (MAX_LINE_BYTES - len(encode({"t": ""})))}
    assert LineReader().feed(encode(message)) == [message]
