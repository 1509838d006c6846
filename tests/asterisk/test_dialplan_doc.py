"""The dialplan that docs/dialplan.md gives to paste, pasted into a real Asterisk."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.served import PATIENCE_S, ServedDoor

pytestmark = pytest.mark.asterisk

DOC = Path(__file__).parents[2] / "docs/dialplan.md"
NAMES = ("FR_SOURCE", "app", "num", "FR_DEST", "WAY", "TIMEOUT(absolute)")
_WAYS = f"""
[ext-group]
exten => _X.,1,Set(WAY=dest ${{EXTEN}})
 same => n,{STOP_HERE}
[internal]
exten => _X.,1,Set(__WAY=group ${{EXTEN}})
 same => n,{STOP_HERE}
[nested]
exten => _X!,1,Set(TIMEOUT(absolute)=99)
 same => n,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,{STOP_HERE}
"""


@pytest.fixture
def served() -> Iterator[ServedDoor]:
    with ServedDoor() as served:
        yield served


def documented(port: int) -> str:
    """Return every dialplan of the document, asking at this port."""
    blocks = re.findall(r"```ini\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    return "\n".join(blocks).replace("127.0.0.1:4573", f"127.0.0.1:{port}") + _WAYS


def came_to(exchange: Exchange, number: str, context: str = "from-trunk-example") -> dict[str, str]:
    """Place a call and return what its dialplan has when it stands still."""
    token = exchange.call(number, context)
    return dict(zip(NAMES, exchange.values(token, NAMES), strict=True))


@pytest.mark.core
def test_an_answer_is_followed(exchange: Exchange, served: ServedDoor) -> None:
    exchange.load(documented(served.port))
    got = came_to(exchange, "74951111111")
    assert got["FR_SOURCE"] == "fallback"
    assert got["WAY"] == "dest 62"
    assert float(got["TIMEOUT(absolute)"]) == 0
    assert [(call.did.raw, call.stage, call.context) for call in served.desk.calls] == [
        ("74951111111", "init", "fallbackrouter")
    ]


@pytest.mark.core
def test_without_an_answer_the_static_line_counts(exchange: Exchange, served: ServedDoor) -> None:
    exchange.load(documented(served.port))
    served.freeze()
    token = exchange.call("74951111111", "from-trunk-example")
    event = exchange.ami.expect(lambda event: event.get("UserEvent") == "Here", PATIENCE_S)
    assert event["Channel"].startswith("Local/100@internal"), token
    exchange.ami.actions("Hangup", [{"Channel": event["Channel"]}])


def test_the_calls_own_timeout_is_given_back(exchange: Exchange, served: ServedDoor) -> None:
    exchange.load(documented(served.port))
    assert 90 < float(came_to(exchange, "1", "nested")["TIMEOUT(absolute)"]) <= 99
    served.freeze()
    got = came_to(exchange, "1", "nested")
    assert got["FR_SOURCE"] == ""
    assert 90 < float(got["TIMEOUT(absolute)"]) <= 100


@pytest.mark.parametrize("number", ["100,start", "100,start,x", "100(,start", "100,start,link=x"])
def test_a_dialled_number_writes_no_stage(exchange: Exchange, served: ServedDoor, number: str) -> None:
    exchange.load(documented(served.port))
    assert came_to(exchange, number, "nested")["FR_SOURCE"] == "fallback"
    assert served.desk.events == []
    assert [call.stage for call in served.desk.calls] == ["init"]


def test_the_old_way(exchange: Exchange, served: ServedDoor) -> None:
    exchange.load(documented(served.port))
    exchange.call("74951111111", "old-way-example")
    event = exchange.ami.expect(lambda event: event.get("UserEvent") == "Here", PATIENCE_S)
    exchange.ami.actions("Hangup", [{"Channel": event["Channel"]}])
    (call,) = served.desk.calls
    assert (call.did.raw, call.stage, call.notes) == ("74951111111", "init", ())
