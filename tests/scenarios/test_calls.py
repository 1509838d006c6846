"""Calls of the CRM's through the whole daemon, beside a played Asterisk: asked for by HTTP, made once, and told of."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.admin import send
from tests.fakes.ami import SECRET, USER, AmiThread
from tests.fakes.commands import run_command
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import Service, wait_until
from tests.fakes.whole import Whole
from tests.scenarios.test_admin import admin_command, admin_port

CONFIG = """
[crm]
url = "{crm}"

[ami]
connect = "127.0.0.1:{port}"
user = "{user}"
secret = "{secret}"

[calls]
contexts = ["outbound"]
channels = ["Local/_XXX@inbound"]
"""
ORIGINATE = "/asterisk/rawman?action=originate&channel=Local/632@inbound&context=outbound&exten=74951111111"


@pytest.fixture
def exchange() -> Iterator[AmiThread]:
    with AmiThread() as exchange:
        yield exchange


@pytest.fixture
def crm() -> Iterator[CrmProcess]:
    with CrmProcess() as crm:
        yield crm


def orders(exchange: AmiThread) -> list[str]:
    """The ids of the calls that Asterisk was told to make."""
    return [asked["ChannelId"] for asked in list(exchange.fake.asked) if asked["Action"] == "Originate"]


def behind(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.status()["background"] or {}
    return found


def connected(service: Service) -> bool:
    return bool(behind(service).get("asterisk", {}).get("connected"))


@pytest.mark.core
def test_a_call_waits_for_asterisk_is_made_once_whatever_is_killed_and_its_end_is_told(
    whole: Whole, exchange: AmiThread, crm: CrmProcess
) -> None:
    port, fake = exchange.fake.port, exchange.fake
    whole.configure(CONFIG.format(crm=crm.url, port=port, user=USER, secret=SECRET), admin='listen = "127.0.0.1:0"')
    service = whole.start().ready()
    token = {"Authorization": f"Bearer {admin_command(whole, 'token', 'add', 'crm', '--scope', 'call')}"}
    at = admin_port(service)
    wait_until(lambda: connected(service), "the login at Asterisk")
    exchange.stop()
    wait_until(lambda: not connected(service), "the loss of the manager interface")

    call = {"id": "1", "to": "632", "via": "inbound", "context": "outbound", "exten": "74951111111", "not_after": 3600}
    headers = {**token, "Content-Type": "application/json"}
    taken = send(at, "POST", "/api/v1/calls", str(call).replace("'", '"'), headers)
    assert (taken.status, taken.json["state"]) == (202, "waiting")
    os.kill(behind(service)["pid"], signal.SIGKILL)
    exchange.listen()
    out_id = taken.json["call"]
    wait_until(lambda: orders(exchange) == [out_id], "the order")
    fake.channels = [(out_id, out_id, "Local/632@inbound-1")]
    wait_until(lambda: send(at, "GET", taken.json["url"], headers=token).json["state"] == "sent", "the word of it")

    os.kill(behind(service)["pid"], signal.SIGKILL)
    wait_until(lambda: behind(service).get("restarts") == 2 and connected(service), "another process")
    wait_until(lambda: behind(service)["calls"].get("open") == 1, "the call in its hands")
    exchange.tell(Event="OriginateResponse", Response="Success", Uniqueid=out_id, Reason="4")
    wait_until(lambda: send(at, "GET", taken.json["url"], headers=token).json["state"] == "talking", "the answer")
    fake.channels = []
    exchange.tell(Event="Hangup", Uniqueid=out_id, Linkedid=out_id, Cause="16")
    wait_until(lambda: [event["id"] for event in crm.events()] == [out_id], "the CRM to hear of the end")
    (told,) = crm.events()
    assert (told["facts"]["outcome"], told["facts"]["call"], told["direction"]) == ("answered", "1", "out")
    assert orders(exchange) == [out_id]
    wait_until(lambda: service.status()["totals"].get("calls_ended") == {"answered": 1}, "the count of it")

    said = send(at, "GET", ORIGINATE.replace("outbound", "internal"), headers=token).text
    assert said.startswith("Response: Error\r\nMessage: the call is refused: calls.contexts lacks")
    assert "refused: the call is refused" in run_command(whole.folder, "admin", "audit", "--json").stdout
    assert service.stop() == 0
