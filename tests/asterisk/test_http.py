"""A real Asterisk asks and reports by CURL(): its dialplan gets what an answer holds, and no call waits long."""

import random
import re
from pathlib import Path

import pytest

from fallbackrouter.agi.answer import ABOUT, AnswerShape, answer_variables
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision
from fallbackrouter.httproute.server import HttpServer
from tests.asterisk.answers import RECORDED, SHAPE, VARIABLES, decision
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.routed import VARIABLES as CONFIGURED
from tests.asterisk.served import PATIENCE_S, ServedDoor
from tests.fakes.desk import FakeAnswered, FakeDesk
from tests.fakes.service import wait_until
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

DOC = Path(__file__).parents[2] / "docs/http.md"
ANSWERS = full_or(60, full=1000)
AT_ONCE = 20
SEED = 20260304
NAMES = (*VARIABLES, *ABOUT)
HOSTILE_CALLERS = [
    "1&stage=start&did=9",
    "1,,,end_auto",
    "+79501234567",
    'a"b(c',
    "100%26stage=start",
    "$[1+1]",
    "a+b c",
    "ж",
]
_ASK = f"""\
[asking]
exten => _X.,1,Set(CURLOPT(conntimeout)=5)
 same => n,Set(CURLOPT(httptimeout)=20)
 same => n,Set(ARRAY({",".join(NAMES)})=${{CURL(http://127.0.0.1:PORT/v1/ask?format=text,did=${{EXTEN}}&stage=init)}})
 same => n,{STOP_HERE}
[by-header]
exten => _X.,1,Set(CURLOPT(httpheader)=Accept: text/plain)
 same => n,Set(CURLOPT(httptimeout)=20)
 same => n,Set(ARRAY({",".join(NAMES)})=${{CURL(http://127.0.0.1:PORT/v1/ask,did=${{EXTEN}}&stage=init)}})
 same => n,{STOP_HERE}
[refused]
exten => _X.,1,Set(ARRAY(app,num,FR_SOURCE)=a\\,b\\,c)
 same => n,Set(ARRAY(app,num,FR_SOURCE)=${{CURL(http://127.0.0.1:PORT/v1/askk?format=text,did=${{EXTEN}})}})
 same => n,{STOP_HERE}
[told]
exten => _X.,1,Set(CALLERID(num)=${{GLOBAL(hostile)}})
 same => n,Set(CURLOPT(httptimeout)=20)
 same => n,Set(SAID=${{CURL(http://127.0.0.1:PORT/v1/ask,did=${{EXTEN}}&caller=${{URIENCODE(${{CALLERID(num)}})}}&stage=init)}})
 same => n,{STOP_HERE}
"""
_TWICE = f"""\
[twice]
exten => _X.,1,Set(CURLOPT(httptimeout)=20)
 same => n,Set(ONE=${{CURL(http://127.0.0.1:PORT/v1/event?format=text,did=1&stage=start)}})
 same => n,Set(TWO=${{CURL(http://127.0.0.1:PORT/v1/event?format=text,did=2&stage=end_auto)}})
 same => n,Wait(1)
 same => n,Set(THREE=${{CURL(http://127.0.0.1:PORT/v1/event?format=text,did=3&stage=end_auto)}})
 same => n,{STOP_HERE}
"""
_INTERNAL = f"""
[internal]
exten => _X.,1,Set(__WAY=group ${{EXTEN}})
 same => n,{STOP_HERE}
"""


class Answers(FakeDesk):
    """Answers each dialled number with a decision of its own."""

    def __init__(self, decisions: dict[str, Decision]) -> None:
        super().__init__()
        self._decisions = decisions

    async def answer(self, call: Call, *, started_s: float, read_ms: float, instant_only: str = "") -> FakeAnswered:
        del started_s, read_ms, instant_only
        return FakeAnswered(self._decisions[call.did.raw])


def load(exchange: Exchange, text: str, served: ServedDoor) -> None:
    exchange.load(text.replace("PORT", str(served.port)).replace("127.0.0.1:4580", f"127.0.0.1:{served.port}"))


@pytest.mark.parametrize("context", ["asking", "by-header"])
def test_every_value_arrives_as_it_was_sent(exchange: Exchange, context: str) -> None:
    rng = random.Random(SEED)
    decisions = {str(number): decision(rng, number) for number in range(1000, 1000 + ANSWERS)}
    with ServedDoor(Answers(decisions), server=HttpServer, shape=SHAPE) as served:
        load(exchange, _ASK, served)
        keys = list(decisions)
        for start in range(0, len(keys), AT_ONCE):
            tokens = {key: exchange.call(key, context) for key in keys[start : start + AT_ONCE]}
            for key, token in tokens.items():
                got = dict(zip(NAMES, exchange.values(token, NAMES), strict=True))
                assert got == dict(answer_variables(decisions[key], RECORDED, SHAPE)), key


def test_a_refusal_sets_nothing(exchange: Exchange) -> None:
    with ServedDoor(server=HttpServer) as served:
        load(exchange, _ASK, served)
        token = exchange.call("1000", "refused")
        assert exchange.values(token, ("app", "num", "FR_SOURCE")) == ["", "", ""]


@pytest.mark.parametrize("caller", HOSTILE_CALLERS)
def test_a_hostile_caller_is_nothing_but_a_caller(exchange: Exchange, caller: str) -> None:
    with ServedDoor(server=HttpServer) as served:
        load(exchange, _ASK, served)
        exchange.ami.set_global("hostile", caller)
        token = exchange.call("1000", "told")
        exchange.values(token, ("SAID",))
        (call,) = served.desk.calls
        assert (call.did.raw, call.caller.raw, call.stage, call.extra) == ("1000", caller, "init", ())
        assert served.desk.events == []


def test_a_call_whose_resting_connection_was_closed_tells_all_the_same(exchange: Exchange) -> None:
    with ServedDoor(server=HttpServer, header_timeout_s=0.4) as served:
        load(exchange, _TWICE, served)
        token = exchange.call("1000", "twice")
        assert exchange.values(token, ("ONE", "TWO", "THREE")) == [",ok,event"] * 3
        assert [event.did.raw for event in served.desk.events] == ["1", "2", "3"]


def documented() -> str:
    (block,) = re.findall(r"```ini\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    return str(block) + _INTERNAL


def patient(text: str) -> str:
    """Return the dialplan with limits for a machine that may be busy: what is tested is what arrives."""
    return text.replace("(conntimeout)=0.3", "(conntimeout)=20").replace("(httptimeout)=0.5", "(httptimeout)=20")


@pytest.mark.core
def test_the_documented_context(exchange: Exchange) -> None:
    with ServedDoor(server=HttpServer, shape=AnswerShape(CONFIGURED)) as served:
        load(exchange, patient(documented()), served)
        token = exchange.call("74951111111", "from-trunk-by-http", CallerID="+79501234567")
        event = exchange.ami.expect(lambda event: event.get("UserEvent") == "Here", PATIENCE_S)
        assert event["Channel"].startswith("Local/62@internal")
        exchange.ami.actions("Hangup", [{"Channel": event["Channel"]}])
        wait_until(lambda: served.desk.events, "the end is told of", PATIENCE_S)
        (call,) = served.desk.calls
        told = served.desk.events[0]
        assert (call.did.raw, call.caller.raw, call.stage) == ("74951111111", "+79501234567", "init")
        assert (told.did.raw, told.stage, told.call_id) == ("74951111111", "end_failed", exchange.call_id(token))
        assert told.linked_id
        assert "dialstatus" in dict(told.extra)


def test_a_router_that_hangs_holds_nobody_up(exchange: Exchange) -> None:
    with ServedDoor(server=HttpServer) as served:
        load(exchange, documented(), served)
        served.freeze()
        exchange.call("74951111111", "from-trunk-by-http")
        event = exchange.ami.expect(lambda event: event.get("UserEvent") == "Here", PATIENCE_S)
        assert event["Channel"].startswith("Local/100@internal"), "the static line, without an answer"
        exchange.ami.actions("Hangup", [{"Channel": event["Channel"]}])
        wait_until(lambda: served.desk.events, "the end is told of", PATIENCE_S)
