"""Bytes become the same messages however they are cut; what is no manager interface is left, within bounds."""

import asyncio
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.ami.protocol import GREETING, MAX_MESSAGE_BYTES, BoundedProtocol
from fallbackrouter.ami.session import Fields, plain


class Owner:
    """What a protocol tells of."""

    def __init__(self) -> None:
        self.heard: list[Fields] = []
        self.lost: list[object] = []
        self.save_stream = None
        self.forgetable_actions = ()
        self.awaiting_actions: list[object] = []

    def dispatch(self, message: Any) -> None:
        self.heard.append({name: value for name, value in plain(message).items() if name != "content"})

    def connection_lost(self, why: object) -> None:
        self.lost.append(why)


class Pipe(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    close = abort


def feed(pieces: list[bytes]) -> Owner:
    owner = Owner()
    protocol = BoundedProtocol(cast("Any", owner))
    protocol.connection_made(Pipe())
    for piece in pieces:
        protocol.data_received(piece)
    return owner


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)
_MESSAGES = st.lists(st.dictionaries(st.sampled_from(["Channel", "Name", "Text"]), _TEXT, min_size=1), max_size=6)


@given(_MESSAGES, st.lists(st.integers(0, 400), max_size=12))
def test_messages_are_the_same_however_they_are_cut(messages: list[dict[str, str]], cuts: list[int]) -> None:
    events = [{"Event": "x", **fields} for fields in messages]
    blocks = ["".join(f"{name}: {value}\r\n" for name, value in event.items()) + "\r\n" for event in events]
    data = GREETING + b"9.0\r\n" + "".join(blocks).encode()
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    owner = feed([data[start:end] for start, end in pairwise(places)])
    assert owner.heard == events
    assert owner.lost == []


def test_a_message_behind_a_greeting_that_came_in_two_pieces_is_heard_at_once() -> None:
    greeting = GREETING + b"9.0\r\n"
    owner = feed([greeting[:-1], greeting[-1:] + b"Event: x\r\n\r\n"])
    assert owner.heard == [{"Event": "x"}]


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_comes_nothing_is_raised_and_a_stranger_is_left(data: bytes, cut: int) -> None:
    owner = feed([data[:cut], data[cut:]])
    greets = data.startswith(GREETING) or GREETING.startswith(data)
    assert len(owner.lost) == (0 if greets else 1)
    feed([GREETING, b"\n", data[:cut], data[cut:], b"\r\n\r\n"])


@pytest.mark.parametrize("size", [1, 65_536])
def test_a_message_without_an_end_costs_its_connection_once(size: int) -> None:
    pieces = 2 if size == 1 else MAX_MESSAGE_BYTES // size + 2
    owner = feed([GREETING + b"9.0\r\n", *[b"x" * size] * pieces])
    assert len(owner.lost) == (0 if size == 1 else 1)
