"""The examples in docs/crm-contract.md are what the code sends and takes."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.receipt import MAX_RETRY_AFTER_S, MAX_WORDS, MISSING_S, REFUSALS
from fallbackrouter.core.route import Admitted
from fallbackrouter.core.verdict import Hit
from fallbackrouter.crm.event_wire import KNOWN, News, encode_news
from fallbackrouter.crm.wire import MAX_RESULT_FIELDS, MAX_TTL_S, Question, encode_question, read_answer
from fallbackrouter.jobs.courier import MOST_S
from fallbackrouter.jobs.valve import RULES
from tests.fakes.calls import GATE

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "crm-contract.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
QUESTION, ANSWER, EVENT, FEED = EXAMPLES[:4]
"""What follows them are feeds of other CRMs, which the tests of the mapping read."""


def test_the_question_is_what_is_sent() -> None:
    call = Call(
        did=Number(QUESTION["phonenumber"], "74951111111", "74951111111", QUESTION["phonenumber_e164"]),
        caller=Number(QUESTION["callerid"], "89507533333", "79507533333", QUESTION["callerid_e164"]),
        call_id=QUESTION["id"],
        stage=QUESTION["stage"],
        line=QUESTION["line"],
    )
    question = Question(
        call=call,
        decision_id=QUESTION["decision"],
        node=QUESTION["node"],
        budget_ms=QUESTION["budget_ms"],
        callerid=call.caller.raw,
        phonenumber=call.did.raw,
    )
    assert json.loads(encode_question(question)) == QUESTION


def test_the_answer_is_what_is_taken() -> None:
    reply = read_answer(200, json.dumps(ANSWER).encode(), GATE)
    assert isinstance(reply.verdict, Hit)
    assert reply.verdict.route.fields == ANSWER["result"]
    assert reply.ttl_s == ANSWER["ttl"]


def test_the_event_carries_its_own_key() -> None:
    assert f"Idempotency-Key: {EVENT['event_id']}" in TEXT


def test_the_event_is_what_is_sent() -> None:
    facts = {name: EVENT[name] for name in KNOWN if name in EVENT}
    news = News(
        event_id=EVENT["event_id"],
        at=datetime.fromisoformat(EVENT["at"]),
        node=EVENT["node"],
        call_id=EVENT["id"],
        linked_id=EVENT["linked_id"],
        seq=EVENT["seq"],
        stage=EVENT["stage"],
        callerid=EVENT["callerid"],
        phonenumber=EVENT["phonenumber"],
        callerid_e164="",
        phonenumber_e164="",
        line="",
        decision_id=EVENT["decision"],
        facts=facts,
    )
    assert json.loads(encode_news(news)) == EVENT


def test_what_follows_an_answer_is_what_the_code_does() -> None:
    assert f"| {', '.join(map(str, sorted(REFUSALS)))} | you refuse it" in TEXT
    assert f"(the first {MAX_WORDS} characters)" in TEXT
    assert MISSING_S == MAX_RETRY_AFTER_S == 3600
    assert f"below a bound of 1, 2, 4 … {MOST_S:.0f} seconds" in TEXT
    assert f"at most {RULES.probe_cap_s:.0f} seconds after the last" in TEXT


@pytest.mark.parametrize("row", FEED["routes"], ids=lambda row: str(row["id"]))
def test_the_feed_s_routes_pass_the_gate(row: dict[str, dict[str, str]]) -> None:
    assert isinstance(GATE.check({**row["result"]}), Admitted)


def test_the_limits_are_the_code_s() -> None:
    assert f"more than {MAX_RESULT_FIELDS} fields" in TEXT
    assert f"at most {MAX_TTL_S:.0f}" in TEXT


def test_curl_lines_hold_good_json() -> None:
    bodies = re.findall(r"-d '(\{.*?\})'", TEXT)
    assert len(bodies) == 2
    assert all(json.loads(body)["test"] is True for body in bodies)
