"""The manager client against a peer that behaves, and one that does not."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fallbackrouter.ami.client import AmiClient, Channel
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import AmiError
from tests.fakes.ami import SECRET, USER, FakeAmi, message
from tests.fakes.until import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client_of(fake: FakeAmi, **changed: Any) -> AsyncIterator[AmiClient]:
    plain = {"address": "127.0.0.1", "port": fake.port, "user": USER, "secret": SECRET, "clock": SystemClock()}
    client = AmiClient(**{**plain, "patience_s": 0.3, "ping_every_s": 0.1, "first_pause_s": 0.05, **changed})
    await client.start()
    try:
        yield client
    finally:
        await asyncio.wait_for(client.close(), 20)


async def test_it_logs_in_and_tells_which_channels_live() -> None:
    async with FakeAmi() as fake, client_of(fake, patience_s=20) as client:
        fake.channels = [("1.1", "1.1", "PJSIP/трунк-1"), ("1.2", "1.1", "Local/5@a-1;2")]
        assert await client.ready(20)
        assert client.fault == ""
        assert await client.channels() == [
            Channel("1.1", "1.1", "PJSIP/трунк-1"),
            Channel("1.2", "1.1", "Local/5@a-1;2"),
        ]
        fake.channels = []
        assert await client.channels() == []
        assert fake.asked[0]["Events"] == "off"


async def test_it_reloads_the_dialplan() -> None:
    async with FakeAmi() as fake, client_of(fake, patience_s=20) as client:
        await client.ready(20)
        await client.reload_dialplan()
        asked = {name: value for name, value in fake.asked[-1].items() if name != "ActionID"}
        assert asked == {"Action": "Reload", "Module": "pbx_config.so"}
        fake.refused = {"Reload", "CoreShowChannels"}
        with pytest.raises(AmiError, match="write = system"):
            await client.reload_dialplan()
        with pytest.raises(AmiError, match="write = reporting"):
            await client.channels()


async def test_events_arrive_where_they_are_wanted() -> None:
    heard: list[Any] = []
    async with FakeAmi() as fake, client_of(fake, patience_s=20, on_event=heard.append) as client:
        await client.ready(20)
        fake.send(message(Event="UserEvent", Text="Ж" * 5_000, Twice="1") + message(Event="Hangup", Twice="x"))
        await until(lambda: len(heard) == 2, "both events")
        assert fake.asked[0]["Events"] == "on"
        assert [one["Event"] for one in heard] == ["UserEvent", "Hangup"]
        assert heard[0]["Text"] == "Ж" * 5_000


async def test_no_letter_is_cut_in_two_and_repeated_headers_are_kept() -> None:
    heard: list[Any] = []
    async with FakeAmi() as fake, client_of(fake, patience_s=20, ping_every_s=60, on_event=heard.append) as client:
        await client.ready(20)
        for byte in "Event: A\r\nName: Жё\r\nName: 🐟 \r\n\r\n".encode():
            fake.send(bytes([byte]))
            await asyncio.sleep(0)
        await until(lambda: bool(heard), "the event")
        assert heard[0]["Name"] == "Жё\n🐟"


async def test_a_wrong_secret_is_said_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = {"secret": "not-it-at-all", "patience_s": 20}
    async with FakeAmi() as fake, client_of(fake, **wrong) as client:
        assert not await client.ready(20)
        assert "refuses the user router (Authentication failed)" in client.fault
        with pytest.raises(AmiError, match=r"ami\.secret_file"):
            await client.channels()
        await until(lambda: len(fake.asked) > 1, "another attempt")
        assert "not-it-at-all" not in client.fault + caplog.text


async def test_nobody_there_is_said_and_found_later() -> None:
    fake = FakeAmi()
    async with fake:
        fake.stop()
        async with client_of(fake, patience_s=20) as client:
            assert not await client.ready(20)
            assert "cannot be reached (connection refused)" in client.fault
            await fake.listen()
            await until(lambda: client.connected, "the connection")


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"", "no answer to Login"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no Asterisk manager interface"),
        (b"Asterisk Call Manager/" + b"9" * 300, "no Asterisk manager interface"),
        (b"\0\xff\n\n", "no Asterisk manager interface"),
    ],
)
async def test_who_does_not_greet_is_left(greeting: bytes, words: str) -> None:
    async with FakeAmi() as fake:
        fake.greeting = greeting
        fake.silent = {"Login"}
        async with client_of(fake) as client:
            assert not await client.ready(20)
            assert words in client.fault


@pytest.mark.parametrize(
    "answer",
    [
        b"Event: x\r\nEvent: y\r\n\r\n",
        b"x" * (5 * 1024 * 1024),
    ],
)
async def test_a_message_that_cannot_be_read_ends_the_connection_alone(answer: bytes) -> None:
    async with FakeAmi() as fake, client_of(fake, ping_every_s=60, patience_s=20) as client:
        await client.ready(20)
        fake.raw = {"CoreShowChannels": answer}
        with pytest.raises(AmiError, match="sent a message"):
            await client.channels(20)
        await until(lambda: client.connected and fake.connections == 2, "the next connection")


async def test_a_peer_that_answers_no_ping_is_left_and_found_again() -> None:
    states: list[str] = []
    async with FakeAmi() as fake, client_of(fake, on_state=states.append) as client:
        await client.ready(20)
        fake.silent = {"Ping", "Login"}
        await until(lambda: not client.connected, "the loss")
        fake.silent = set()
        await until(lambda: client.connected, "the way back")
        assert states[0] == ""
        assert "no answer to Ping within 0.3 s" in states[1]
        assert states[-1] == ""


async def test_who_waits_is_told_when_the_connection_is_lost_and_nothing_is_sent_twice() -> None:
    async with FakeAmi() as fake, client_of(fake, patience_s=20) as client:
        await client.ready(20)
        fake.silent = {"Reload", "Originate"}
        asking = asyncio.ensure_future(client.reload_dialplan())
        await until(lambda: fake.asked[-1]["Action"] == "Reload", "the action")
        fake.drop()
        with pytest.raises(AmiError, match="ended"):
            await asyncio.wait_for(asking, 20)
        await until(lambda: client.connected, "the next connection")
        fake.send(message(Event="FullyBooted", Status="Fully Booted"))
        await client.channels()
        assert [asked["Action"] for asked in fake.asked].count("Reload") == 1


async def test_an_action_ends_in_its_time_and_its_late_answer_is_nobody_elses() -> None:
    async with FakeAmi() as fake, client_of(fake, ping_every_s=60, patience_s=20) as client:
        await client.ready(20)
        fake.silent = {"Reload"}
        with pytest.raises(AmiError, match=r"no answer to Reload within 0\.05 s"):
            await client.reload_dialplan(0.05)
        assert client._session is not None
        assert client._session.protocol is not None
        assert client._session.protocol.responses == {}  # nothing is kept of what nobody waits for
        late = fake.asked[-1]["ActionID"]
        fake.send(message(Response="Error", ActionID=late, Message="late"))
        assert await client.channels() == []


async def test_a_list_that_does_not_end_ends_in_time() -> None:
    async with FakeAmi() as fake, client_of(fake, ping_every_s=60, patience_s=20) as client:
        await client.ready(20)
        start = message(Response="Success", ActionID="ACTION_ID", EventList="start", Message="will follow")
        fake.raw = {"CoreShowChannels": start + message(Event="CoreShowChannel", ActionID="ACTION_ID", Uniqueid="1")}
        with pytest.raises(AmiError, match="no answer to CoreShowChannels"):
            await client.channels(0.1)


async def test_no_field_makes_a_second_line() -> None:
    async with FakeAmi() as fake, client_of(fake, ping_every_s=60, patience_s=20) as client:
        await client.ready(20)
        for value in ("a\r\nAction: Command", "a\nb", "\udcff"):
            with pytest.raises(ValueError, match=r"line break|surrogates"):
                await client.action({"Action": "Setvar", "Value": value}, 1)
        assert len(fake.asked) == 1


async def test_an_address_that_answers_nothing_is_said() -> None:
    with socket.create_server(("127.0.0.2", 0), backlog=0) as listener:
        address, port = listener.getsockname()[:2]
        with socket.create_connection((address, port)):  # its queue is full: every further SYN is dropped
            async with FakeAmi() as fake, client_of(fake, address=address, port=port) as client:
                assert not await client.ready(20)
                assert f"at {address} port {port} takes no connection within 0.3 s" in client.fault


@pytest.mark.parametrize("after_s", [0, 0.001, 0.003, 0.01, 0.03])
async def test_it_can_be_closed_at_any_moment(after_s: float) -> None:
    async with FakeAmi() as fake:
        before = asyncio.all_tasks()
        async with client_of(fake):
            await asyncio.sleep(after_s)
        mine = before | {asyncio.current_task()}
        await until(lambda: all("_serve" in repr(task) for task in asyncio.all_tasks() - mine), "the end of its tasks")


async def test_closing_tells_who_waits() -> None:
    async with FakeAmi() as fake, client_of(fake, patience_s=20) as client:
        await client.ready(20)
        fake.silent = {"Reload"}
        asking = asyncio.ensure_future(client.reload_dialplan())
        await until(lambda: fake.asked[-1]["Action"] == "Reload", "the action")
        await client.close()
        with pytest.raises(AmiError):
            await asyncio.wait_for(asking, 20)
        assert not client.connected


async def test_connections_that_end_at_every_moment_leave_no_task_behind() -> None:
    async with FakeAmi() as fake, client_of(fake, ping_every_s=0.01, first_pause_s=0.001) as client:
        before = len(asyncio.all_tasks())
        for _ in range(50):
            fake.drop()
            await asyncio.sleep(0.005)
        await until(lambda: client.connected, "the connection")
        assert len(asyncio.all_tasks()) <= before + 3
