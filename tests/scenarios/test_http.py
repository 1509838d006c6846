"""The whole daemon, asked by HTTP: the same tiers, journal and bounds as by FastAGI."""

import json
import re
import shlex
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.agi.answer import ABOUT
from fallbackrouter.config.settings import Settings
from tests.fakes.service import wait_until
from tests.fakes.whole import DID, Whole, ask, rule

DOC = (Path(__file__).parents[2] / "docs/http.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)\n```\n\n```json\n(.*?)\n```", DOC, re.DOTALL)


def curl(*arguments: str) -> str:
    done = subprocess.run(["curl", "-sS", "-m", "30", *arguments], check=True, capture_output=True, text=True)  # noqa: S607 - where curl lies is the machine's to say
    return done.stdout


def asked(port: int, path: str, *fields: str) -> dict[str, Any]:
    data = [word for field in fields for word in ("--data-urlencode", field)]
    said: dict[str, Any] = json.loads(curl(f"http://127.0.0.1:{port}{path}", *data))
    return said


@pytest.mark.core
def test_questions_and_events_are_answered_and_recorded(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"), rule("night", "74952222222", "7"))
    service = whole.start().ready()
    assert service.status()["http_listen"] == [f"127.0.0.1:{service.http_port}"]
    office = asked(service.http_port, "/v1/ask", f"did={DID}", "caller=+79501234567", "call_id=1.1", "line=3")
    assert (office["FR_SOURCE"], office["num"], office["FR_STATUS"]) == ("fallback", "62", "ok")
    by_agi = ask(service.port)
    assert {name: by_agi[name] for name in by_agi if name != "FR_DECISION"} == {
        name: value for name, value in office.items() if name not in {"v", "FR_DECISION"}
    }
    text = curl(f"http://127.0.0.1:{service.http_port}/v1/ask?format=text", "-d", "did=74952222222")
    names = [*Settings(last_resort={}).answers.variables, *ABOUT]
    assert dict(zip(names, text.split(","), strict=True)) | {"FR_DECISION": ""} == {
        **dict.fromkeys(names, ""),
        "app": "group",
        "num": "7",
        "FR_RULE": "night",
        "FR_STATUS": "ok",
        "FR_SOURCE": "fallback",
    }
    event = asked(service.http_port, "/v1/event", f"did={DID}", "stage=end_failed", "call_id=1.1", "billsec=0")
    assert (event["FR_SOURCE"], event["FR_STATUS"]) == ("event", "ok")
    assert service.stop() == 0
    assert office["FR_DECISION"] in whole.recorded()
    assert whole.query("SELECT caller, line FROM decisions WHERE call_id = '1.1'") == [("+79501234567", "3")]
    ((stage, details),) = whole.query("SELECT stage, details FROM events WHERE call_id = '1.1'")
    assert stage == "end_failed"
    assert '"billsec":"0"' in details


def test_the_documented_examples(whole: Whole) -> None:
    assert len(EXAMPLES) == 2
    whole.rules(rule("office", DID, "62").replace('num: "62"', 'num: "62", time: "100"'))
    service = whole.start().ready()
    for command, promised in EXAMPLES:
        words = shlex.split(command.replace("127.0.0.1:4580", f"127.0.0.1:{service.http_port}"))
        assert words[0] == "curl"
        said, told = json.loads(curl(*words[1:])), json.loads(promised)
        assert list(said) == list(told)
        said.pop("FR_DECISION")
        assert said == {name: value for name, value in told.items() if name != "FR_DECISION"}


def test_the_documented_order_of_values() -> None:
    names = re.findall(r"ARRAY\(([A-Za-z0-9_,]+)\)=\$\{CURL\(http://127\.0\.0\.1:4580/v1/(ask|event)", DOC)
    assert {path: listed for listed, path in names} == {
        "ask": ",".join([*Settings(last_resort={}).answers.variables, *ABOUT]),
        "event": "FR_DECISION,FR_STATUS,FR_SOURCE",
    }
    assert "then " + ", ".join(f"`{name}`" for name in ABOUT) in DOC


def test_an_event_that_cannot_be_stored_is_said_to_be_unrecorded_and_is_stored_later(whole: Whole) -> None:
    whole.configure("[budget]\ncall_ms = 100\nlive_ms = 50")
    service = whole.start().ready()
    with closing(sqlite3.connect(whole.data_dir / "journal.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        text = curl(f"http://127.0.0.1:{service.http_port}/v1/event?format=text", "-d", "did=1&stage=start&call_id=7")
        assert text == ",unrecorded,event"
        other.execute("ROLLBACK")
    wait_until(lambda: "7" in whole.recorded_events(), "the event is stored")
    assert service.stop() == 0


def listen(whole: Whole, *addresses: str) -> None:
    """Write the configuration with these addresses in place of any free one."""
    whole.configure()
    text = whole.config.read_text(encoding="utf-8")
    text = text.replace('http_listen = ["127.0.0.1:0"]', f"http_listen = {json.dumps(addresses)}")
    whole.config.write_text(text, encoding="utf-8")


def test_a_port_in_use_is_told(whole: Whole) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        listen(whole, address)
        service = whole.start()
        assert service.wait() == 1
    assert service.stderr.splitlines()[-1] == (
        f"fallbackrouter: agi.http_listen: {address} is in use by another program; "
        "stop that one, or set agi.http_listen to a free port"
    )


def test_an_address_comes_and_goes_with_a_reload(whole: Whole) -> None:
    service = whole.start().ready()
    former = service.http_port
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen(whole, f"127.0.0.1:{port}")
    assert service.command("reload")["config"] == "changed"
    assert asked(port, "/v1/ask", "did=1")["FR_SOURCE"] == "last_resort"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", former), 30)
    listen(whole)
    assert service.command("reload")["config"] == "changed"
    assert service.status()["http_listen"] == []
    wait_until(lambda: ask(service.port)["FR_SOURCE"] == "last_resort", "FastAGI serves on")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 30)
