"""Nothing is lost: what the dialplan was told, counted on Asterisk's side, stands in the journal."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.asterisk.ami import Message
from tests.asterisk.harness import Exchange
from tests.asterisk.routed import Routed, guard
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

CALLS = full_or(300, full=3000)
AT_ONCE = 30
KILLS_AT = (AT_ONCE * 2, AT_ONCE * 4, AT_ONCE * 6)
_DIALPLAN = """\
[counted]
exten => _[0-9]!,1,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,Set(DECISION=${{FR_DECISION}})
 same => n,Set(SOURCE=${{FR_SOURCE}})
 same => n,Set(STATUS=${{FR_STATUS}})
 same => n,Set(FR_STATUS=)
 same => n,Set(FR_SOURCE=)
 same => n,AGI(agi://127.0.0.1:{port}/event,${{EXTEN}},end_auto,billsec=7,link=/monitor/${{TOKEN}}.wav)
 same => n,Set(ANSWER=source: ${{SOURCE}},decision: ${{DECISION}},status: ${{STATUS}})
 same => n,UserEvent(Counted,token: ${{TOKEN}},${{ANSWER}},told: ${{FR_STATUS}})
 same => n,Hangup()
"""


@pytest.fixture
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router")) as routed:
        routed.start()
        yield routed


def _did(number: int) -> str:
    return f"7{number:06d}"


def _place(exchange: Exchange, numbers: range) -> dict[str, str]:
    """Place calls and return their tokens, with the number that each dialled."""
    return {exchange.call(_did(number), "counted"): _did(number) for number in numbers}


def _hear(exchange: Exchange, placed: dict[str, str]) -> dict[str, Message]:
    """Return what each call was told, by its uniqueid."""
    events = {token: exchange.told("Counted", token) for token in placed}
    return {exchange.call_id(token): {**events[token], "did": did} for token, did in placed.items()}


def _check(routed: Routed, told: dict[str, Message]) -> int:
    """Compare what calls were told with the journal; return how many had an answer."""
    kept = {row["id"]: row for row in routed.rows("SELECT id, call_id, did, source FROM decisions")}
    events = {row["call_id"]: row for row in routed.rows("SELECT call_id, did, stage, seq, details FROM events")}
    answered = {call_id: call for call_id, call in told.items() if call["source"] and call["status"] != "unrecorded"}
    for call_id, call in answered.items():
        row = kept[call["decision"]]
        assert (row["call_id"], row["did"], row["source"]) == (call_id, call["did"], call["source"])
    taken = {call_id: call for call_id, call in told.items() if call["told"] == "ok"}
    for call_id, call in taken.items():
        row = events[call_id]
        assert (row["did"], row["stage"]) == (call["did"], "end_auto")
        assert f"/monitor/{call['token']}.wav" in row["details"]
    return len(answered)


@pytest.mark.core
def test_every_call_is_answered_and_kept(exchange: Exchange, routed: Routed, record_figure: Record) -> None:
    exchange.load(guard(routed.port, 60) + _DIALPLAN.format(port=routed.port))
    told: dict[str, Message] = {}
    for start in range(0, CALLS, AT_ONCE):
        told |= _hear(exchange, _place(exchange, range(start, start + AT_ONCE)))
    assert all(call["source"] == "last_resort" and call["told"] == "ok" for call in told.values())
    assert _check(routed, told) == len(told)
    assert routed.rows("SELECT count(*) AS n FROM decisions") == [{"n": len(told)}]
    assert routed.rows("SELECT count(*) AS n FROM events") == [{"n": len(told)}]
    record_figure("real calls, each with a question and an event, all in the journal", len(told))


def test_what_was_answered_is_kept_though_workers_are_killed(
    exchange: Exchange, routed: Routed, record_figure: Record
) -> None:
    exchange.load(guard(routed.port, 60) + _DIALPLAN.format(port=routed.port))
    told: dict[str, Message] = {}
    for start in range(0, CALLS, AT_ONCE):
        pids = routed.service.worker_pids() if start in KILLS_AT else []
        placed = _place(exchange, range(start, start + AT_ONCE))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        told |= _hear(exchange, placed)
    answered = _check(routed, told)
    assert answered > len(told) / 2, "no worker came back"
    record_figure("real calls around the SIGKILL of three workers", len(told))
    record_figure("of those, calls with an answer, every one in the journal", answered)
