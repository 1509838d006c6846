"""HTTP as values: bytes in, a request or a refusal out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.httproute.head import Head, Refusal
from fallbackrouter.httproute.message import MAX_BODY_BYTES, MAX_REQUEST_BYTES, Heard, HttpRequest, Talk

BODY = b"did=1&stage=init"
START = b"POST /v1/ask HTTP/1.1\r\nHost: x\r\n"
WHOLE = START + b"Content-Length: 16\r\n\r\n" + BODY
ASKED = HttpRequest(Head("ask", text=False), BODY)


def request(*lines: bytes, start: bytes = b"POST /v1/ask HTTP/1.1", body: bytes = BODY) -> bytes:
    given = [start, b"Host: x", *lines]
    if not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines):
        given.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(given) + b"\r\n\r\n" + body


def heard(data: bytes) -> Heard:
    return Talk().feed(data)


def refused(data: bytes) -> Refusal:
    found = heard(data)
    assert isinstance(found, Refusal), found
    return found


def test_whole_bytewise_and_with_a_tail() -> None:
    assert heard(WHOLE) == ASKED
    talk = Talk()
    assert [found for at in range(len(WHOLE)) if (found := talk.feed(WHOLE[at : at + 1]))] == [ASKED]
    assert heard(WHOLE + b"GARBAGE") == ASKED


@pytest.mark.parametrize(
    ("start", "lines", "head"),
    [
        (b"POST /v1/event HTTP/1.1", [], Head("event", text=False)),
        (b"POST /v1/ask?format=text HTTP/1.1", [], Head("ask", text=True)),
        (b"POST /v1/ask?format=json HTTP/1.1", [b"Accept: text/plain"], Head("ask", text=False)),
        (b"POST /v1/ask HTTP/1.1", [b"Accept: text/plain"], Head("ask", text=True)),
        (b"POST /v1/ask HTTP/1.1", [b"Accept: text/html, Text/Plain;q=0.9"], Head("ask", text=True)),
        (b"POST /v1/ask HTTP/1.1", [b"Accept: application/json, text/plain"], Head("ask", text=False)),
        (b"POST /v1/ask HTTP/1.1", [b"Accept: */*"], Head("ask", text=False)),
        (
            b"POST /v1/ask HTTP/1.1",
            [b"Content-Type: APPLICATION/x-www-form-urlencoded; charset=utf-8"],
            Head("ask", text=False),
        ),
        (b"POST /v1/ask HTTP/1.0", [], Head("ask", text=False)),
    ],
)
def test_what_is_asked(start: bytes, lines: list[bytes], head: Head) -> None:
    assert heard(request(*lines, start=start)) == HttpRequest(head, BODY)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(start=b"GET /v1/ask HTTP/1.1", body=b""), 405),
        (request(start=b"HEAD /v1/event HTTP/1.1", body=b""), 405),
        (request(start=b"PUT /v1/ask HTTP/1.1"), 405),
        (request(start=b"CONNECT /v1/ask HTTP/1.1"), 405),
        (request(start=b"POST / HTTP/1.1"), 404),
        (request(start=b"POST /v1/ask/ HTTP/1.1"), 404),
        (request(start=b"POST http://x/v1/ask HTTP/1.1"), 404),
        (request(start=b"POST /v1/ask?did=1 HTTP/1.1"), 400),
        (request(b"Origin: http://evil.example"), 403),
        (request(b"Content-Type: application/json"), 415),
        (request(b"Content-Type: multipart/form-data; boundary=x"), 415),
        (request(b"Content-Encoding: gzip"), 415),
        (request(b"Expect: tea"), 417),
        (request(b"Content-Length: 16385"), 413),
        (request(b"Content-Length: 99999999999999999999"), 413),
        (request(b"Content-Length: -1"), 400),
        (request(b"Content-Length: 1", b"Content-Length: 2"), 400),
        (request(b"Content-Length: 16", b"Transfer-Encoding: gzip"), 501),
        (request(b"X: " + b"x" * 9000), 431),
        (b"POST /v1/ask HTTP/1.1\r\nX: " + b"x" * 9000, 431),
        (request(*[b"X: y"] * 65), 431),
        (b"agi_network: yes\n\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"\r\n\r\n\r\n\r\n", 400),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    talk = Talk()
    refusal = talk.feed(data)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    said = talk.reply(status, [], b"{}")
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in said
    assert talk.feed(WHOLE) is None, "nothing is believed after that"


def test_a_reply_to_head_has_no_body() -> None:
    talk = Talk()
    talk.feed(request(start=b"HEAD /v1/ask HTTP/1.1", body=b""))
    assert talk.reply(405, [], b"{}").endswith(b"\r\n\r\n")


def chunked(*chunks: bytes) -> bytes:
    return request(b"Transfer-Encoding: chunked", body=b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks))


def test_chunks() -> None:
    assert heard(chunked(b"did=1&", b"stage=init", b"")) == ASKED
    assert refused(chunked(*[b"x" * 1000] * 17)).status == 413
    assert refused(request(b"Transfer-Encoding: chunked", body=b"zz\r\n")).status == 400


def test_a_dialplan_gets_no_words_for_a_body_that_is_too_large() -> None:
    start = b"POST /v1/ask?format=text HTTP/1.1"
    lines = [b"Transfer-Encoding: chunked"]
    assert refused(request(*lines, start=start, body=b"%x\r\n%s\r\n" % (17_000, b"x" * 17_000))).text
    assert refused(request(start=start, body=b"x" * 17_000)).text
    assert refused(request(start=start, body=b"x" * 200_000)).text


def test_the_largest_body() -> None:
    found = heard(request(body=b"x" * MAX_BODY_BYTES))
    assert isinstance(found, HttpRequest)
    assert len(found.body) == MAX_BODY_BYTES


def test_chunks_of_nothing_much_end_too() -> None:
    talk = Talk()
    talk.feed(request(b"Transfer-Encoding: chunked", body=b""))
    found: Heard = None
    for _ in range(MAX_REQUEST_BYTES // 100 + 9):
        found = found or talk.feed(b"1;" + b"x" * 100 + b"\r\na\r\n")
    assert isinstance(found, Refusal)
    assert found.status == 413


def test_a_body_is_welcomed_once() -> None:
    talk = Talk()
    assert talk.feed(request(b"Expect: 100-continue", b"Content-Length: 16", body=b"")) is None
    assert talk.take_interim().startswith(b"HTTP/1.1 100 ")
    assert talk.take_interim() == b""
    assert talk.feed(BODY) == ASKED
    assert talk.take_interim() == b""


def test_a_body_that_is_too_large_is_never_welcomed() -> None:
    talk = Talk()
    assert isinstance(talk.feed(request(b"Expect: 100-continue", b"Content-Length: 20000", body=b"")), Refusal)
    assert talk.take_interim() == b""


def test_one_request_after_the_other() -> None:
    talk = Talk()
    assert talk.feed(WHOLE + WHOLE) == ASKED
    assert talk.feed(WHOLE) is None, "an answer is owed"
    assert b"Connection" not in talk.reply(200, [], b"{}")
    assert talk.next() == ASKED
    talk.reply(200, [], b"{}")
    assert talk.next() == ASKED
    talk.reply(200, [], b"{}")
    assert talk.next() is None
    assert not talk.over


@pytest.mark.parametrize("data", [request(b"Connection: close"), request(start=b"POST /v1/ask HTTP/1.0")])
def test_a_connection_that_is_to_end(data: bytes) -> None:
    talk = Talk()
    assert talk.feed(data + WHOLE) == ASKED
    assert b"Connection: close" in talk.reply(200, [], b"{}")
    assert talk.next() is None
    assert talk.over


def test_too_much_ahead_ends_the_connection_after_the_answer() -> None:
    talk = Talk()
    assert talk.feed(WHOLE) == ASKED
    assert talk.feed(b"x" * MAX_REQUEST_BYTES) is None
    assert b"Connection: close" in talk.reply(200, [], b"{}")
    assert talk.next() is None


@pytest.mark.parametrize("sent", [b"", WHOLE[:9], WHOLE[:-1]])
def test_the_end_of_a_peers_words(sent: bytes) -> None:
    talk = Talk()
    if sent:
        assert talk.feed(sent) is None
    assert talk.feed(b"") is None
    assert talk.over


def test_an_error_ends_the_connection() -> None:
    talk = Talk()
    talk.feed(WHOLE)
    assert b"Connection: close" in talk.reply(400, [], b"{}")
    assert talk.next() is None
    assert talk.over


CHUNKED = b"Transfer-Encoding: chunked\r\n"
PIECES = st.sampled_from([WHOLE, START, b"\r\n", b"Content-Length: 16\r\n", BODY, CHUNKED, b"5\r\nabcde\r\n", b"0\r\n"])


@given(st.lists(st.one_of(PIECES, st.binary(max_size=60)), max_size=12), st.booleans())
def test_any_bytes_give_one_reply_for_each_request(pieces: list[bytes], ends: bool) -> None:
    talk = Talk()
    for data in [*(piece for piece in pieces if piece), *([b""] if ends else [])]:
        found = talk.feed(data)
        while found is not None:
            status = found.status if isinstance(found, Refusal) else 200
            assert talk.reply(status, [], b"{}").count(b"HTTP/1.1 ") == 1
            assert talk.reply(status, [], b"{}") == b"", "never a second one"
            found = None if talk.over else talk.next()
