"""Questions and events by HTTP, over real sockets."""

import asyncio
import json
from typing import Any

import pytest

from fallbackrouter.httproute.server import HttpServer
from tests.fakes.desk import FakeDesk
from tests.fakes.door import Door, opened
from tests.fakes.http_peer import Answer, Peer, post, posted

pytestmark = pytest.mark.anyio


async def ask(door: Door, body: str = "did=74951111111", path: str = "/v1/ask", *headers: str) -> Answer:
    return await posted(door.port, post(path, body, *headers))


def opened_http(desk: FakeDesk | None = None, **options: Any) -> Any:
    return opened(desk, server=HttpServer, **options)


async def test_a_question_is_answered() -> None:
    async with opened_http() as door:
        answer = await ask(door, "did=74951111111&caller=%2B7950&stage=busy")
        assert answer.status == 200
        assert json.loads(answer.body) == {
            "v": 1,
            "app": "group",
            "num": "62",
            "time": "100",
            "text": "",
            "FR_RULE": "day",
            "FR_DECISION": "d1",
            "FR_STATUS": "ok",
            "FR_DEST": "ext-group,62,1",
            "FR_NEXT": "",
            "FR_SOURCE": "fallback",
            "functions": {"CALLERID(name)": "Office"},
        }
        (call,) = door.desk.calls
        assert (call.did.raw, call.caller.raw, call.stage) == ("74951111111", "+7950", "busy")
        assert door.desk.reasons == [""]
        await door.until(lambda: door.desk.written)
        await door.counted(http_answered=1)


async def test_a_dialplan_gets_values() -> None:
    async with opened_http() as door:
        answer = await ask(door, "did=1", "/v1/ask?format=text")
        assert answer.body == rb"group,62,100,,day,d1,ok,ext-group\,62\,1,,fallback"


async def test_an_event_is_taken() -> None:
    async with opened_http() as door:
        answer = await ask(door, "did=1&stage=end_failed&billsec=3&call_id=1.2", "/v1/event")
        assert json.loads(answer.body) == {"v": 1, "FR_DECISION": "", "FR_STATUS": "ok", "FR_SOURCE": "event"}
        (told,) = door.desk.events
        assert (told.stage, told.call_id, told.extra) == ("end_failed", "1.2", (("billsec", "3"),))
        assert (await ask(door, "did=1&stage=x", "/v1/event?format=text")).body == b",ok,event"


async def test_an_events_stage_makes_an_event_of_a_question() -> None:
    async with opened_http() as door:
        answer = await ask(door, "did=1&stage=start", "/v1/ask?format=text")
        assert answer.body == b",,,,,,ok,,,event"
        assert len(door.desk.events) == 1
        assert door.desk.calls == []


async def test_an_event_that_is_not_on_disk_in_time() -> None:
    async with opened_http(FakeDesk(recorded=False)) as door:
        assert json.loads((await ask(door, "did=1&stage=start")).body)["FR_STATUS"] == "unrecorded"


async def test_an_event_without_a_stage_is_refused() -> None:
    async with opened_http() as door:
        answer = await ask(door, "did=1", "/v1/event")
        assert answer.status == 400
        assert "needs a stage" in json.loads(answer.body)["error"]
        assert (await ask(door, "did=1", "/v1/event?format=text")).body == b""
        assert door.desk.events == []
        await door.counted(http_refused=2)


async def test_a_fault_of_our_own_in_reading_is_answered_from_the_instant_tiers() -> None:
    def broken() -> Any:
        raise RuntimeError("a bug of ours")

    async with opened_http(grammar=broken) as door:
        assert json.loads((await ask(door)).body)["FR_SOURCE"] == "fallback"
        assert door.desk.reasons == ["the request could not be read"]
        assert (await ask(door, "did=1&stage=start", "/v1/event")).status == 500


async def test_a_fault_of_our_own_in_answering_is_told() -> None:
    async with opened_http(FakeDesk(fault=RuntimeError("a bug of ours"))) as door:
        answer = await ask(door)
        assert answer.status == 500
        assert "its log says more" in json.loads(answer.body)["error"]
        assert (await ask(door, "did=1", "/v1/ask?format=text")).body == b""
        await door.counted(http_faults=2)


async def test_a_kept_connection_is_asked_again() -> None:
    async with opened_http() as door, Peer(door.port) as peer:
        for number in range(3):
            peer.send(post("/v1/ask", f"did={number}"))
            assert (await peer.answer()).status == 200
        assert [call.did.raw for call in door.desk.calls] == ["0", "1", "2"]
        assert door.reception.counts["accepted"] == 1


async def test_requests_that_come_at_once_are_answered_one_after_the_other() -> None:
    gate = asyncio.Event()
    async with opened_http(FakeDesk(gate=gate)) as door, Peer(door.port) as peer:
        peer.send(b"".join(post("/v1/ask", f"did={number}") for number in range(3)))
        await door.until(lambda: door.desk.calls)
        await asyncio.sleep(0.05)
        assert len(door.desk.calls) == 1
        gate.set()
        decisions = [json.loads((await peer.answer()).body)["FR_DECISION"] for _ in range(3)]
        assert decisions == ["d1", "d2", "d3"]


async def test_a_connection_that_is_to_close_closes() -> None:
    async with opened_http() as door, Peer(door.port) as peer:
        peer.send(post("/v1/ask", "did=1", "Connection: close"))
        answer = await peer.answer()
        assert answer.headers["connection"] == "close"
        assert await peer.rest() == b""


async def test_a_peer_that_has_said_all_still_gets_its_answer() -> None:
    gate = asyncio.Event()
    async with opened_http(FakeDesk(gate=gate)) as door, Peer(door.port) as peer:
        peer.send(post("/v1/ask", "did=1"))
        peer.writer.write_eof()
        await door.until(lambda: door.desk.calls)
        gate.set()
        assert (await peer.answer()).status == 200
        assert await peer.rest() == b""


async def test_a_body_that_waits_to_be_welcome() -> None:
    async with opened_http() as door, Peer(door.port) as peer:
        head, _, body = post("/v1/ask", "did=1", "Expect: 100-continue").partition(b"\r\n\r\n")
        peer.send(head + b"\r\n\r\n")
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        peer.send(body)
        assert (await peer.answer()).status == 200


async def test_both_doors_share_their_bounds() -> None:
    async with opened_http(max_calls=1) as door, Peer(door.port):
        await door.until(lambda: len(door.reception.held) == 1)
        await asyncio.sleep(0.2)  # silent for long enough to be called so
        assert (await ask(door)).status == 200
        assert door.reception.counts["shed"] == 1, "the silent peer made room"
