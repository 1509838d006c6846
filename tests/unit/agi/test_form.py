"""The fields of a form -> a Call: hostile until parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.agi.form import MAX_FIELDS, bare_form, read_form
from fallbackrouter.agi.request import Grammar
from fallbackrouter.core.call import MAX_EXTRA, MAX_EXTRA_CHARS, is_stage
from fallbackrouter.core.numbers import MAX_NUMBER_CHARS, read_number

GRAMMAR = Grammar(
    paths={},
    event_stages=frozenset({"start", "end_failed"}),
    known_stages=frozenset(),
    read_number=lambda text: read_number(text, None),
)


def test_every_field_has_its_place() -> None:
    body = (
        b"did=74951111111&stage=busy&caller=%2B79501234567&call_id=1.2&linked_id=1.1&line=3&context=from-trunk"
        b"&channel=SIP%2Fa-1&short=7&link=%2Fa.wav&billsec=12"
    )
    request = read_form(body, "ask", GRAMMAR)
    call = request.call
    assert request.kind == "question"
    assert (call.did.raw, call.caller.raw, call.stage) == ("74951111111", "+79501234567", "busy")
    assert (call.call_id, call.linked_id, call.line) == ("1.2", "1.1", "3")
    assert (call.context, call.channel) == ("from-trunk", "SIP/a-1")
    assert call.extra == (("short", "7"), ("link", "/a.wav"), ("billsec", "12"))
    assert (call.test, call.notes) == (False, ())


@pytest.mark.parametrize(
    ("body", "path", "kind", "stage"),
    [
        (b"did=1", "ask", "question", "init"),
        (b"did=1&stage=INIT!", "ask", "question", "init"),
        (b"did=1&stage=start", "ask", "event", "start"),
        (b"did=1&stage=start", "event", "event", "start"),
        (b"did=1&stage=odd", "event", "event", "odd"),
        (b"did=1", "event", "unknown", "init"),
        (b"did=1&stage=Bad", "event", "unknown", "init"),
        (b"did=1&stage=start&stage=end_failed", "event", "unknown", "init"),
        (b"", "ask", "question", "init"),
    ],
)
def test_what_is_asked(body: bytes, path: str, kind: str, stage: str) -> None:
    request = read_form(body, path, GRAMMAR)
    assert (request.kind, request.call.stage) == (kind, stage)


@pytest.mark.parametrize(
    ("sent", "read", "noted"),
    [
        (b"+79501234567", "+79501234567", True),
        (b"%2B79501234567", "+79501234567", False),
        (b"%2079501234567", "+79501234567", True),
        (b"++79501234567", "+79501234567", True),
        (b"+ab", " ab", False),
        (b"79501234567+", "79501234567 ", False),
        (b"*72%23", "*72#", False),
    ],
)
def test_a_plus_that_a_form_made_a_blank(sent: bytes, read: str, noted: bool) -> None:
    call = read_form(b"did=1&caller=" + sent + b"&note=a+b", "ask", GRAMMAR).call
    assert call.caller.raw == read
    assert call.extra == (("note", "a b"),), "elsewhere a blank is a blank"
    assert any("caller came with a blank for its +" in note for note in call.notes) == noted


@pytest.mark.parametrize("caller", [b"", b"caller=", b"caller=unknown", b"caller=%7BCALLERID(num)%7D"])
def test_a_withheld_caller(caller: bytes) -> None:
    assert read_form(b"did=1&" + caller, "ask", GRAMMAR).call.caller.withheld


def test_a_field_that_comes_twice_is_believed_in_neither_place() -> None:
    call = read_form(b"did=1&caller=2&stage=busy&caller=9&did=3", "ask", GRAMMAR).call
    assert (call.did.raw, call.caller.withheld, call.stage) == ("", True, "busy")
    assert "caller comes twice: left out" in call.notes
    assert "did comes twice: left out" in call.notes


def test_nothing_outgrows_its_bound() -> None:
    fields = b"&".join(b"f%d=%s" % (number, b"x" * 2000) for number in range(MAX_FIELDS + 9))
    call = read_form(b"did=" + b"1" * 9999 + b"&" + fields, "ask", GRAMMAR).call
    assert len(call.did.raw) == MAX_NUMBER_CHARS
    assert len(call.extra) == MAX_EXTRA
    assert {len(value) for _, value in call.extra} == {MAX_EXTRA_CHARS}
    assert f"more than {MAX_FIELDS} fields: the rest is left out" in call.notes


def test_control_characters_are_blanks() -> None:
    call = read_form(b"did=1%0A2&call_id=a%00b&x=%0D%0Ay", "ask", GRAMMAR).call
    assert (call.did.raw, call.call_id, call.extra) == ("1 2", "a b", (("x", "  y"),))


@given(st.one_of(st.binary(max_size=400), st.text("didcallerstage=&%+ 0129\x00é", max_size=200).map(str.encode)))
def test_any_bytes_are_read(body: bytes) -> None:
    for path in ("ask", "event"):
        request = read_form(body, path, GRAMMAR)
        assert is_stage(request.call.stage)
        texts = [request.call.call_id, request.call.context, *dict(request.call.extra).values(), *request.call.notes]
        assert all(text.isprintable() or "\n" not in text for text in texts)


def test_where_reading_failed_by_a_fault_of_our_own() -> None:
    request = bare_form()
    assert request.kind == "unknown"
    assert request.call.notes
