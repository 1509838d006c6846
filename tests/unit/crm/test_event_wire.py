"""An event's JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.crm.event_wire import News, encode_news

NEWS = News(
    event_id="019b76da-b7a0-7000-8000-0c41d2f5e6aa",
    at=datetime(2026, 1, 1, 0, 1, 44, 120_500, UTC),
    node="pbx1",
    call_id="1767225600.42",
    linked_id="1767225600.42",
    seq=2,
    stage="end_auto",
    callerid="8 950 753-33-33",
    phonenumber="74951111111",
    callerid_e164="+79507533333",
    phonenumber_e164="+74951111111",
    line="",
    decision_id="019b76da-a800-7000-8000-5f0e2c9d1a34",
    facts={"dialstatus": "ANSWER", "billsec": "97", "short": "62", "link": "a.wav"},
)


def told(**changes: object) -> dict[str, object]:
    body: dict[str, object] = json.loads(encode_news(replace(NEWS, **changes)))  # type: ignore[arg-type]
    return body


def test_it_is_what_the_contract_shows() -> None:
    assert told() == {
        "id": "1767225600.42",
        "callerid": "8 950 753-33-33",
        "phonenumber": "74951111111",
        "stage": "end_auto",
        "event_id": "019b76da-b7a0-7000-8000-0c41d2f5e6aa",
        "seq": 2,
        "at": "2026-01-01T00:01:44.120Z",
        "callerid_e164": "+79507533333",
        "phonenumber_e164": "+74951111111",
        "linked_id": "1767225600.42",
        "dialstatus": "ANSWER",
        "billsec": "97",
        "short": "62",
        "link": "a.wav",
        "decision": "019b76da-a800-7000-8000-5f0e2c9d1a34",
        "node": "pbx1",
    }


def test_what_is_always_there_is_there_also_when_empty() -> None:
    body = told(call_id="", callerid="", phonenumber="", facts={}, linked_id="", decision_id="", node="")
    assert {"id", "callerid", "phonenumber", "stage", "event_id", "seq", "at"} <= set(body)
    assert "linked_id" not in body


def test_tests_and_inferred_ends_say_so() -> None:
    assert told(test=True)["test"] is True
    assert told(facts={"inferred": "true"})["inferred"] is True
    assert "inferred" not in told(facts={"inferred": "false"})


def test_what_the_contract_has_no_name_for_is_told_too() -> None:
    assert told(facts={"campaign": "7", "id": "a trick"})["facts"] == {"campaign": "7", "id": "a trick"}


def test_what_the_router_decided_is_told_and_cannot_be_told_in_its_place() -> None:
    own = {"tier": "fallback", "rule": "office", "route": {"app": "group"}, "why": "live: hung", "context": "x"}
    body = told(own=own, facts={"tier": "live", "billsec": "7"})
    assert {name: body.get(name) for name in own} == {**own, "context": None}
    assert body["facts"] == {"tier": "live"}


def test_notes_say_what_was_left_out() -> None:
    assert told(notes=("the link names no file: left out",))["notes"] == ["the link names no file: left out"]


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_becomes_json(text: str) -> None:
    body = told(call_id=text, facts={"link": text, text: text})
    assert isinstance(body["id"], str)
