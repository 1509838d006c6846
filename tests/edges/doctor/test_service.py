"""The running service's processes and its AGI port; the whole service is in tests/scenarios/test_doctor.py."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fallbackrouter.agi.commands import set_array
from fallbackrouter.clock import SystemClock
from fallbackrouter.doctor import examine, service
from fallbackrouter.doctor.finding import Finding
from fallbackrouter.doctor.service import Door, check_processes
from tests.fakes.examined import Examined, levels

pytestmark = pytest.mark.anyio

CHILD = {"name": "worker 1", "state": "ready", "pid": 7, "restarts": 0, "silent_s": 0.1}
STATUS = {"ready": True, "healthy": True, "pid": 1, "workers": [CHILD], "background": {**CHILD, "name": "background"}}


def test_a_service_whose_processes_live_is_well() -> None:
    assert levels(check_processes(STATUS, 2000)) == ["ok"]


@pytest.mark.parametrize(
    ("more", "word"),
    [({"state": "waiting"}, "waiting"), ({"silent_s": 3.0}, "said nothing"), ({"restarts": 2}, "2 times")],
)
def test_a_process_in_trouble_is_told(more: dict[str, object], word: str) -> None:
    [trouble] = check_processes({**STATUS, "workers": [{**CHILD, **more}]}, 2000)
    assert levels([trouble]) == ["warn"]
    assert word in trouble.what


def test_a_service_that_is_not_ready_is_told() -> None:
    assert levels(check_processes({**STATUS, "ready": False}, 2000)) == ["warn"]


def test_what_keeps_calls_from_the_crm_is_told() -> None:
    closed = {"state": "closed", "share": 1.0, "reason": "nothing has failed yet"}
    assert levels(check_processes({**STATUS, "breaker": closed, "drill": None}, 2000)) == ["ok"]
    opened = {"state": "open", "share": 0.0, "reason": "5 failures in a row"}
    drill = {"number": 1, "fault": "hang", "share": 1.0, "left_s": 12.5}
    told = check_processes({**STATUS, "breaker": opened, "drill": drill}, 2000)
    assert levels(told) == ["warn", "warn"]
    assert "hang, for 12.5 s more" in told[0].what
    assert "open (5 failures in a row)" in told[1].what


async def test_a_service_that_does_not_run_fails(examined: Examined) -> None:
    [down] = await examined.look("service")
    assert levels([down]) == ["fail"]
    assert "fallbackrouter serve" in down.remedy


async def test_a_service_that_says_nothing_fails(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "STATUS_S", 0.2)
    examined.data_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(examined.data_dir / "control.sock"))
        control.listen()
        [silent] = await examined.look("service")
    assert levels([silent]) == ["fail"]
    assert "did not answer" in silent.what


async def test_a_service_that_answers_is_asked_once(examined: Examined) -> None:
    examined.data_dir.mkdir()
    asked: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(await reader.readline()))
        writer.write(json.dumps({"ok": True, **STATUS}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(answer, examined.data_dir / "control.sock"):
        assert levels(await examined.look("service")) == ["ok"]
    assert asked == [{"do": "status"}]


@asynccontextmanager
async def answering(lines: list[str], wait_s: float = 0.0) -> AsyncIterator[str]:
    """Serve AGI that sends these commands; give the address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        await asyncio.sleep(wait_s)
        for line in lines:
            writer.write(f"{line}\n".encode())
            await reader.readline()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def knock(address: str, allow: str = "127.0.0.0/8", call_ms: float = 400) -> Finding:
    [found] = await Door([allow], call_ms, "112", SystemClock()).knock([address])
    levels([found])
    return found


async def test_a_port_that_answers_is_well() -> None:
    async with answering([set_array([("app", "group"), ("FR_SOURCE", "live"), ("FR_STATUS", "ok")])]) as address:
        found = await knock(address)
    assert found.level == "ok"
    assert "from live" in found.what


async def test_an_answer_that_is_not_on_disk_is_a_warning() -> None:
    async with answering([set_array([("FR_SOURCE", "live"), ("FR_STATUS", "unrecorded")])]) as address:
        assert (await knock(address)).level == "warn"


async def test_a_slow_answer_is_a_warning() -> None:
    async with answering([set_array([("FR_SOURCE", "live")])], wait_s=0.2) as address:
        assert "more than budget.call_ms" in (await knock(address, call_ms=0)).what


async def test_a_port_where_nothing_listens_fails(examined: Examined) -> None:
    examined.configure('[agi]\nlisten = ["127.0.0.1:9", "127.0.0.2:9"]\nhttp_listen = []')
    found = await examined.look("agi")
    assert levels(found) == ["fail", "fail"]
    assert found[0].what == "127.0.0.1:9: nothing listens there"


async def test_a_port_that_closes_without_an_answer_fails() -> None:
    async with answering([]) as address:
        assert (await knock(address)).level == "fail"


async def test_a_port_that_does_not_admit_this_machine_cannot_be_asked() -> None:
    async with answering([]) as address:
        found = await knock(address, allow="192.0.2.0/24")
    assert found.level == "skip"
    assert "agi.allow" in found.what


@pytest.mark.parametrize("line", ["HTTP/1.1 400 Bad Request", "x" * 100_000])
async def test_a_port_of_another_program_fails(line: str) -> None:
    async with answering([line]) as address:
        assert (await knock(address)).level == "fail"


async def test_a_port_that_says_nothing_fails_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = await knock(f"127.0.0.1:{silent.getsockname()[1]}")
    assert found.level == "fail"
    assert "no answer within" in found.what
