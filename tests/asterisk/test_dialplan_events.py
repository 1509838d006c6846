"""What the generated dialplan tells the router, and where it leads: destinations that are not there, ends, FreePBX."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.generated import ENTER, generated, install
from tests.asterisk.harness import STOP_HERE, Exchange, free_port
from tests.asterisk.routed import Routed
from tests.fakes.service import wait_until

pytestmark = pytest.mark.asterisk

WAYS = ("curl", "originate")
NAMES = ("FR_SOURCE", "FR_RULE", "FR_DEST", "FR_NEXT", "app", "num")
HOSTILE = "1,,&stage=start&did=5(\"';"


def _rule(name: str, did: str, *nums: str) -> dict[str, object]:
    routes = [{"app": "group", "num": num} for num in nums]
    return {"name": name, "tier": "fallback", "did": did} | (
        {"route": routes[0]} if len(routes) == 1 else {"routes": routes}
    )


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router")) as routed:
        rules = [
            _rule("there", "_501!", "62"),
            _rule("second", "_502!", "999", "62"),
            _rule("neither", "_503!", "999", "998"),
        ]
        routed.write_rules("rules.yaml", rules)
        routed.start()
        yield routed


PHONES = f"""
[ext-group]
exten => _[1-6]X!,1,Set(CAME=${{EXTEN}})
 same => n,{STOP_HERE}
[told]
exten => _X!,1,Set(CALLERID(num)=${{GLOBAL(CALLER)}})
 same => n,Gosub(fallbackrouter-watch,s,1(${{EXTEN}}))
 same => n,Gosub(fallbackrouter-watch,s,1(${{EXTEN}}))
 same => n,Set(DIALSTATUS=BUSY)
 same => n,{STOP_HERE}
[moved]
exten => s,1,UserEvent(Moved,token: ${{TOKEN}},id: ${{UNIQUEID}})
 same => n,Wait(60)
"""


def _patient(text: str) -> str:
    """Return the dialplan with limits for a machine that may be busy."""
    return text.replace("httptimeout)=0.5", "httptimeout)=30").replace("conntimeout)=0.3", "conntimeout)=30")


def _told(routed: Routed, did: str) -> list[dict[str, str]]:
    """Return what the journal has of calls to a number: their facts, with stage and caller."""
    rows = routed.rows("SELECT * FROM events WHERE did = ? ORDER BY at", did)
    columns = ("stage", "caller", "call_id", "linked_id")
    return [json.loads(row["details"])["extra"] | {name: row[name] for name in columns} for row in rows]


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        ("501", ("fallback", "ext-group,62,1", "there")),
        ("502", ("fallback", "ext-group,62,1", "second")),
        ("503", ("static", "ext-group,100,1", "")),
    ],
)
def test_a_destination_that_is_not_there_is_told_and_gone_round(
    exchange: Exchange, routed: Routed, kind: str, whole: tuple[str, str, str]
) -> None:
    install(exchange, _patient(generated(routed)).replace("absolute)=0.6", "absolute)=30"), ENTER + PHONES)
    number = kind + exchange.release.name
    token = exchange.call(number, "enter")
    got = dict(zip(NAMES, exchange.values(token, NAMES), strict=True))
    assert (got["FR_SOURCE"], got["FR_DEST"], got["FR_RULE"]) == whole
    missing = [told for told in _told(routed, number) if told["stage"] == "no_destination"]
    assert [told["destination"] for told in missing] == (["ext-group,999,1"] if kind != "501" else [])


@pytest.mark.parametrize(
    ("number", "destination", "num"), [("501", "62", "62"), ("502", "62", "62"), ("503", "100", "100")]
)
def test_the_compiled_rules_go_round_a_destination_that_is_not_there(
    exchange: Exchange, routed: Routed, number: str, destination: str, num: str
) -> None:
    install(exchange, generated(routed, ask=free_port()), ENTER + PHONES)
    got = dict(zip(NAMES, exchange.values(exchange.call(number, "enter"), NAMES), strict=True))
    assert (got["FR_SOURCE"], got["FR_DEST"]) == ("static", f"ext-group,{destination},1")
    assert (got["app"], got["num"], got["FR_NEXT"]) == ("group", num, "")


def _over(exchange: Exchange, channel: str) -> bool:
    """Tell whether a channel is gone, and no Local channel has an event to tell."""
    channels = exchange.ami.command("core show channels concise")
    return channel not in channels and "telling" not in channels


@pytest.mark.core
@pytest.mark.parametrize("way", WAYS)
def test_an_end_is_told_once_with_its_facts_also_after_a_transfer(exchange: Exchange, routed: Routed, way: str) -> None:
    install(exchange, _patient(generated(routed, events=way)).replace("absolute)=0.6", "absolute)=30"), PHONES)
    exchange.ami.set_global("CALLER", HOSTILE if way == "curl" else "79507533333")
    did = f"7495{WAYS.index(way)}{exchange.release.name}"
    token = exchange.call(did, "told")
    channel = exchange.arrival(token)
    exchange.ami.action("Redirect", Channel=channel, Context="moved", Exten="s", Priority="1")
    moved = exchange.told("Moved", token)
    exchange.ami.action("Hangup", Channel=channel)
    wait_until(lambda: _told(routed, did), "the end in the journal")
    wait_until(lambda: _over(exchange, channel), "the channel is gone, and whoever tells of it")
    (end,) = _told(routed, did)
    assert (end["stage"], end["dialstatus"]) == ("end_failed", "BUSY")
    assert end["call_id"] == moved["id"]
    assert end["caller"] == (HOSTILE if way == "curl" else "79507533333")


PHONE = """
[rings]
exten => _X!,1,Gosub(fallbackrouter-watch,s,1(${EXTEN}))
 same => n,Dial(Local/62@phones/n,60,U(fallbackrouter-answered))
[phones]
exten => _X!,1,Answer()
 same => n,Wait(60)
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_beginning_and_an_end_are_told(exchange: Exchange, routed: Routed, way: str) -> None:
    install(exchange, _patient(generated(routed, events=way)).replace("absolute)=0.6", "absolute)=30"), PHONE)
    did = f"7499{WAYS.index(way)}{exchange.release.name}"
    exchange.call(did, "rings", CallerID="79507533333")
    wait_until(lambda: _told(routed, did), "the beginning in the journal")
    for line in exchange.ami.command("core show channels concise").splitlines():
        if "@rings" in line:
            exchange.ami.actions("Hangup", [{"Channel": line.partition("!")[0]}])
    wait_until(lambda: len(_told(routed, did)) > 1, "the end in the journal")
    start, end = _told(routed, did)
    assert [start["stage"], end["stage"]] == ["start", "end_failed"]
    assert start["linked_id"] == end["linked_id"] != ""
    assert (end["dialstatus"], end["caller"], end["answered_by"]) == ("ANSWER", "79507533333", "62")


FREEPBX = f"""
[from-pstn]
exten => _X!,1,Set(__FROM_DID=${{EXTEN}})
 same => n,Goto(fallbackrouter-in,s,1)
[ext-queues]
exten => _X!,1,{STOP_HERE}
[app-blackhole]
exten => busy,1,{STOP_HERE}
[ext-group]
exten => _[1-6]X!,1,Set(CAME=${{EXTEN}})
 same => n,{STOP_HERE}
"""


DOC = Path(__file__).parents[2] / "docs/dialplan.md"
INTERNAL = f"""
[internal]
exten => _X!,1,Set(CAME=${{EXTEN}})
 same => n,{STOP_HERE}
"""


@pytest.mark.parametrize(("number", "came"), [("501", "62"), ("77", "100")])
@pytest.mark.parametrize("running", [True, False], ids=["answered", "static"])
def test_the_documents_example_goes_where_it_is_told(
    exchange: Exchange, routed: Routed, number: str, came: str, running: bool
) -> None:
    blocks = re.findall(r"```ini\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "[from-trunk-generated]" in block]
    text = _patient(generated(routed, ask=None if running else free_port())).replace("absolute)=0.6", "absolute)=30")
    install(exchange, text, example + INTERNAL + FREEPBX)
    token = exchange.call(number, "from-trunk-generated")
    assert exchange.values(token, ("CAME",)) == [came]


@pytest.mark.parametrize("running", [True, False], ids=["answered", "static"])
@pytest.mark.parametrize(("number", "group"), [("501", "62"), ("502", "62"), ("77", "100")])
def test_freepbx_reaches_its_destinations(
    exchange: Exchange, routed: Routed, number: str, group: str, running: bool
) -> None:
    text = generated(routed, target="freepbx", ask=None if running else free_port())
    install(exchange, _patient(text).replace("absolute)=0.6", "absolute)=30"), FREEPBX)
    came, source = exchange.values(exchange.call(number, "from-pstn"), ("CAME", "FR_SOURCE"))
    assert came == group
    assert (source != "static") is running
