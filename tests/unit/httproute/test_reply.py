"""What a reply says: JSON, or values for ARRAY."""

import json

import pytest

from fallbackrouter.agi.answer import ABOUT
from fallbackrouter.agi.commands import MAX_LINE_BYTES
from fallbackrouter.agi.peer import read_command
from fallbackrouter.httproute.head import Refusal
from fallbackrouter.httproute.reply import answer_reply, in_places, refusal_reply

HOSTILE = ['a,b(c)[d]"e\\f', "", " x ", "ж", "a=b;c", "${EXTEN}", "last"]
PAIRS = [(f"n{number}", value) for number, value in enumerate(HOSTILE)]


def test_json_carries_everything() -> None:
    reply = answer_reply(PAIRS, [("CALLERID(name)", "Of,fice")], text=False)
    assert reply.status == 200
    assert json.loads(reply.body) == {"v": 1, **dict(PAIRS), "functions": {"CALLERID(name)": "Of,fice"}}
    assert "functions" not in json.loads(answer_reply(PAIRS, [], text=False).body)


def test_a_variable_named_v_does_not_outdo_the_version() -> None:
    assert json.loads(answer_reply([("v", "9")], [], text=False).body)["v"] == 1


def test_text_is_what_array_reads() -> None:
    text = answer_reply(PAIRS, [("CALLERID(name)", "x")], text=True).body.decode()
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    names = ",".join(name for name, _ in PAIRS)
    assert read_command(f'SET VARIABLE ARRAY({names}) "{quoted}"\n'.encode()) == dict(PAIRS)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "\ud800", "x" * MAX_LINE_BYTES])
def test_what_cannot_be_said_in_text(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        answer_reply([("a", value), ("b", "")], [], text=True)


def test_values_at_their_places() -> None:
    placed = in_places(("app", *ABOUT), [("FR_STATUS", "ok"), ("FR_SOURCE", "event")])
    assert [name for name, _ in placed] == ["app", *ABOUT]
    assert placed[-1] == ("FR_SOURCE", "event")
    assert dict(placed)["app"] == ""


def test_a_refusal_says_why() -> None:
    reply = refusal_reply(Refusal(405, "POST a form"))
    assert json.loads(reply.body) == {"v": 1, "error": "POST a form"}
    assert ("Allow", "POST") in reply.headers


def test_a_refusal_for_a_dialplan_is_empty() -> None:
    reply = refusal_reply(Refusal(413, "too large", text=True))
    assert (reply.status, reply.body) == (413, b"")
