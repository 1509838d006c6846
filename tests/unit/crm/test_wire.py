"""The CRM's words: questions that go out, answers that come in, however wrong they are."""

import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.route import Gate
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Unavailable
from fallbackrouter.crm.wire import MAX_TTL_S, LiveReply, Question, encode_question, read_answer

GATE = Gate(
    apps={"group": ("num",), "external": ("num",), "auto": ()},
    num=re.compile("[0-9A-Za-z_+*#.-]{1,40}"),
    external=re.compile("[0-9+]{3,15}"),
    variables=frozenset({"app", "num", "time", "audio1"}),
    functions=frozenset({"CALLERID(name)"}),
)
GOOD = b'{"status":true,"result":{"app":"group","num":"62","time":"100"}}'


def question(call: Call, callerid: str | None = None, phonenumber: str | None = None) -> dict[str, object]:
    body = Question(
        call=call,
        decision_id="d-1",
        node="pbx1",
        budget_ms=300,
        callerid=call.caller.raw if callerid is None else callerid,
        phonenumber=call.did.raw if phonenumber is None else phonenumber,
    )
    decoded = json.loads(encode_question(body))
    assert isinstance(decoded, dict)
    return decoded


def number(text: str) -> Number:
    return read_number(text, None)


def test_a_question_says_all_that_is_known() -> None:
    call = Call(
        did=Number("+7 495 111-11-11", "+74951111111", "74951111111", "+74951111111"),
        caller=Number("8 950 753-33-33", "89507533333", "79507533333", "+79507533333"),
        call_id="1700000000.42",
        stage="init",
        line="trunk1",
    )
    assert question(call) == {
        "id": "1700000000.42",
        "callerid": "8 950 753-33-33",
        "phonenumber": "+7 495 111-11-11",
        "callerid_e164": "+79507533333",
        "phonenumber_e164": "+74951111111",
        "stage": "init",
        "line": "trunk1",
        "budget_ms": 300,
        "decision": "d-1",
        "node": "pbx1",
    }


def test_what_is_not_known_is_left_out_but_the_three_old_fields_are_always_there() -> None:
    assert question(Call(did=number("632"))) == {
        "id": "",
        "callerid": "",
        "phonenumber": "632",
        "stage": "init",
        "budget_ms": 300,
        "decision": "d-1",
        "node": "pbx1",
    }


def test_a_question_of_our_own_is_marked() -> None:
    assert question(Call(did=number("632"), test=True))["test"] is True


@given(text=st.text(st.characters(exclude_categories=()), max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_leaves_as_utf_8(text: str) -> None:
    sent = question(Call(did=number("632"), call_id=text, line=text), callerid=text, phonenumber=text)
    expected = text.encode("utf-8", "replace").decode()
    assert sent["id"] == sent["callerid"] == sent["phonenumber"] == expected
    assert sent.get("line", "") == expected


def test_a_good_answer_is_a_hit() -> None:
    reply = read_answer(200, GOOD, GATE)
    assert isinstance(reply.verdict, Hit)
    assert reply.verdict.route.fields == {"app": "group", "num": "62", "time": "100"}
    assert reply.ttl_s is None


def test_numbers_may_come_as_json_numbers_and_a_byte_order_mark_before_them() -> None:
    body = b'\xef\xbb\xbf{"status":true,"result":{"app":"group","num":62,"time":100}}'
    verdict = read_answer(200, body, GATE).verdict
    assert isinstance(verdict, Hit)
    assert verdict.route.fields == {"app": "group", "num": "62", "time": "100"}


def test_what_was_left_out_is_noted() -> None:
    body = b'{"status":true,"result":{"app":"auto","colour":"red"}}'
    verdict = read_answer(200, body, GATE).verdict
    assert isinstance(verdict, Hit)
    assert verdict.notes == ("left out colour: not in answers.variables",)


@pytest.mark.parametrize(
    ("ttl", "ttl_s"),
    [("0", 0.0), ("60", 60.0), ("1.5", 1.5), ("null", None), ("86401", MAX_TTL_S), ("9" * 300, MAX_TTL_S)],
)
def test_a_ttl_is_seconds_up_to_a_day(ttl: str, ttl_s: float | None) -> None:
    reply = read_answer(200, GOOD[:-1] + b',"ttl":' + ttl.encode() + b"}", GATE)
    assert isinstance(reply.verdict, Hit)
    assert not reply.verdict.notes
    assert reply.ttl_s == ttl_s


@pytest.mark.parametrize("ttl", ["-1", '"60"', "true", "[]", "{}", "-0.001"])
def test_a_wrong_ttl_costs_the_ttl_and_not_the_answer(ttl: str) -> None:
    reply = read_answer(200, GOOD[:-1] + b',"ttl":' + ttl.encode() + b"}", GATE)
    assert isinstance(reply.verdict, Hit)
    assert reply.verdict.notes == ("ttl left out: not a number of seconds from 0 up",)
    assert reply.ttl_s is None


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b""), (404, b"<html>"), (200, b'{"status":false}'), (200, b'{"status":false,"result":{"app":"group"}}')],
)
def test_a_crm_that_knows_no_route_is_a_miss(status: int, body: bytes) -> None:
    assert isinstance(read_answer(status, body, GATE).verdict, Miss)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (401, "token (401)"),
        (403, "token (403)"),
        (302, "redirects (302)"),
        (429, "(429)"),
        (400, "400"),
        (500, "500"),
        (503, "503"),
        (204, "204"),
        (999, "999"),
    ],
)
def test_every_other_status_says_that_the_crm_could_not_be_asked(status: int, word: str) -> None:
    verdict = read_answer(status, GOOD, GATE).verdict
    assert isinstance(verdict, Unavailable)
    assert word in verdict.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the answer is empty"),
        (b" \n", "the answer is empty"),
        (b"<!DOCTYPE html><html>", "the answer is a web page, not JSON"),
        (b"OK", "the answer is not JSON"),
        (GOOD[:-1], "the answer is not JSON"),
        (GOOD + b"x", "the answer is not JSON"),
        (b"[]", "the answer is no JSON object"),
        (b"null", "the answer is no JSON object"),
        (b'{"status":"\xff"}', "the answer is not UTF-8"),
        (b"[" * 200_000, "the answer is nested too deep"),
        (b'{"status":true,"result":' * 30_000, "the answer is nested too deep"),
        (b'{"status":true,"result":{"app":"group","num":NaN}}', "the answer is not JSON"),
        (b'{"status":true,"result":{"app":"group","num":Infinity}}', "the answer is not JSON"),
        (b'{"status":true,"result":{"app":"group","num":1e999}}', "the answer is not JSON"),
        (b'{"status":true,"result":{"app":"group","num":' + b"9" * 5000 + b"}}", "the answer is not JSON"),
        (b'{"status":true,"result":{"app":"group","num":"\\ud800"}}', "the answer is not JSON"),
        (b"{}", "status is neither true nor false"),
        (b'{"status":1}', "status is neither true nor false"),
        (b'{"status":"true"}', "status is neither true nor false"),
        (b'{"status":true}', "status is true, but there is no result with fields"),
        (b'{"status":true,"result":[]}', "status is true, but there is no result with fields"),
        (b'{"status":true,"result":"group"}', "status is true, but there is no result with fields"),
        (b'{"status":true,"result":{}}', "no app"),
        (b'{"status":true,"result":{"app":"rm"}}', "unknown app rm"),
        (b'{"status":true,"result":{"app":"external","num":"a1"}}', "num does not match answers.external"),
        (b'{"status":true,"result":{"app":"group","num":1.5}}', "num is a fraction, not text"),
        (b'{"status":true,"result":{"app":"auto","time":"1\\n2"}}', "time holds a control character"),
        (
            b'{"status":true,"result":{' + b",".join(b'"a%d":1' % i for i in range(65)) + b"}}",
            "the result has more than 64 fields",
        ),
    ],
)
def test_an_answer_that_may_not_reach_a_dialplan_is_invalid(body: bytes, reason: str) -> None:
    assert read_answer(200, body, GATE) == LiveReply(Invalid(reason))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {"app": st.sampled_from(["auto", "group"]) | JSON},
    optional={name: st.just("62") | JSON for name in ("num", "time", "audio1", "CALLERID(name)", "x")},
)


@given(
    status=st.integers(100, 999) | st.just(200),
    body=st.binary(max_size=200)
    | st.fixed_dictionaries(
        {"status": JSON | st.just(value=True)}, optional={"result": FIELDS | JSON, "ttl": JSON}
    ).map(lambda body: json.dumps(body).encode()),
)
@settings(max_examples=400, deadline=None)
def test_nothing_that_a_crm_sends_raises_and_only_checked_routes_come_out(status: int, body: bytes) -> None:
    reply = read_answer(status, body, GATE)
    if isinstance(reply.verdict, Hit):
        assert reply.verdict.route.app in GATE.apps
        assert set(reply.verdict.route.fields) <= GATE.variables | GATE.functions
        assert msgspec.json.decode(body)["status"] is True
    else:
        assert reply.ttl_s is None
        assert len(reply.verdict.reason) < 200
