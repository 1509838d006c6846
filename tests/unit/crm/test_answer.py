"""An answer as it comes in: where it ends, what of it is read, and whether its connection serves again."""

import itertools
from dataclasses import dataclass

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.verdict import Invalid
from fallbackrouter.crm.answer import Answer

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\n{}"
AGAIN, ONCE, OPEN = "its connection serves again", "its connection has served", "there may be more"
COMPRESSED = "the answer is compressed, which was not asked for"


@dataclass(frozen=True)
class Read:
    """What was made of an answer."""

    status: int
    body: bytes
    end: str = OPEN
    refused: str = ""


def read(*parts: bytes, bodiless: bool = False, max_bytes: int = 99) -> Read:
    answer = Answer(max_bytes, bodiless=bodiless)
    try:
        for part in parts:
            answer.feed(part)
            if answer.whole or answer.refused:
                break
    finally:
        answer.let_go()
    return Read(
        answer.status,
        answer.body,
        AGAIN if answer.reusable else ONCE if answer.whole else OPEN,
        answer.refused.reason if isinstance(answer.refused, Invalid) else "",
    )


ANSWERS = {
    "with a length": (WHOLE, Read(200, b"{}", AGAIN)),
    "without a body": (b"HTTP/1.1 204 No\r\n\r\n", Read(204, b"", AGAIN)),
    "in chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        Read(200, b"{}", AGAIN),
    ),
    "in chunks with a trailer": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Encoding: gzip\r\n\r\n",
        Read(200, b"{}", AGAIN),
    ),
    "behind interim answers": (
        b"HTTP/1.1 100 Continue\r\nContent-Encoding: gzip\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + WHOLE,
        Read(200, b"{}", AGAIN),
    ),
    "that ends its connection": (
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        Read(200, b"{}", ONCE),
    ),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Read(200, b"{}", ONCE)),
    "with line feeds alone": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", Read(200, b"{}", AGAIN)),
    "without a reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Read(200, b"", AGAIN)),
    "of another protocol": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        Read(101, b"", ONCE),
    ),
}


@pytest.mark.parametrize(("sent", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_to_its_end(sent: bytes, expected: Read) -> None:
    assert read(sent) == expected
    assert read(*(sent[at : at + 1] for at in range(len(sent)))) == expected


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 200), max_size=6))
def test_it_is_the_same_however_it_is_cut_into_pieces(name: str, cuts: list[int]) -> None:
    sent, expected = ANSWERS[name]
    places = sorted({0, *cuts, len(sent)})
    pieces = [sent[begin:end] for begin, end in itertools.pairwise(places)]
    assert read(*(piece for piece in pieces if piece)) == expected


@given(st.binary(max_size=300))
def test_whatever_comes_is_an_answer_or_a_protocol_error(sent: bytes) -> None:
    try:
        found = read(sent, b"")
    except httpcore2.RemoteProtocolError:
        return
    assert found.end != OPEN or found.refused
    assert 100 < found.status < 1000


def test_without_a_length_it_ends_with_the_connection() -> None:
    assert read(OK + b"\r\n{", b"}", b"") == Read(200, b"{}", ONCE)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ([b""], "Server disconnected"),
        ([b"HTTP/1.1 103 Early\r\n\r\n", b""], "Server disconnected"),
        ([OK + b"Content-Length: 3\r\n\r\n{}", b""], "peer closed connection"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b""], "peer closed connection"),
        ([b"SSH-2.0-x\r\n"], "not HTTP"),
        ([OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n"], "not HTTP"),
        ([OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"], "not HTTP"),
    ],
)
def test_one_that_is_cut_or_is_none_is_an_error(sent: list[bytes], why: str) -> None:
    with pytest.raises(httpcore2.RemoteProtocolError, match=why):
        read(*sent)


@pytest.mark.parametrize("more", [b"x", WHOLE, b"HTTP/1.1 200 OK\r\n"])
def test_a_peer_that_says_more_than_was_asked_for_is_not_asked_again(more: bytes) -> None:
    assert read(WHOLE + more) == Read(200, b"{}", ONCE)


@pytest.mark.parametrize(
    ("sent", "end"),
    [
        (OK + b"Content-Length: 2\r\n\r\n", AGAIN),
        (OK + b"\r\n", AGAIN),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", AGAIN),
        (OK + b"Connection: close\r\n\r\n", ONCE),
        (b"HTTP/1.0 200 OK\r\n\r\n", ONCE),
        (WHOLE, ONCE),
    ],
)
def test_an_answer_to_head_ends_with_its_head(sent: bytes, end: str) -> None:
    assert read(sent, bodiless=True) == Read(200, b"", end)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", COMPRESSED),
        (OK + b"Content-Length: 100\r\n\r\n" + b"x" * 100, "the answer is longer than 99 bytes"),
        (OK + b"\r\n" + b"x" * 100, "the answer is longer than 99 bytes"),
    ],
)
def test_a_body_that_may_not_be_read_is_refused_and_ends_its_connection(sent: bytes, why: str) -> None:
    found = read(sent)
    assert (found.refused, found.status) == (why, 200)


def test_a_body_in_too_many_pieces_is_refused() -> None:
    sent = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 513
    assert read(sent, max_bytes=600).refused == "the answer comes in more than 512 pieces"
