"""A call asks, and has its answer: one command, one reply, then the next."""

import asyncio

import pytest

from fallbackrouter.core.route import Route
from tests.fakes.asterisk import Channel, application, call, exchange, obey
from tests.fakes.desk import FakeDesk
from tests.fakes.door import Door, opened

pytestmark = pytest.mark.anyio
CHANNEL = Channel()


async def test_a_question_is_answered() -> None:
    async with opened() as door:
        outcome = await call(door.port)
        assert outcome.closed
        assert outcome.variables == {
            "CALLERID(name)": "Office",
            "app": "group",
            "num": "62",
            "time": "100",
            "text": "",
            "FR_SOURCE": "fallback",
            "FR_RULE": "day",
            "FR_DECISION": "d1",
            "FR_STATUS": "ok",
            "FR_DEST": "ext-group,62,1",
            "FR_NEXT": "",
        }
        (asked,) = door.desk.calls
        assert (asked.did.raw, asked.caller.raw, asked.call_id) == (CHANNEL.exten, CHANNEL.caller, CHANNEL.uniqueid)
        assert door.desk.reasons == [""]
        await door.counted(accepted=1, answered=1)
        assert len(door.desk.written) == 1
        assert door.desk.written[0] >= 0
        assert door.desk.read_ms[0] >= 0


@pytest.mark.parametrize(
    "data",
    ["ask,${EXTEN},vip", "cur,${EXTEN},${CALLERID(num)},${UNIQUEID},init,,", "route?did=${EXTEN}", "test,1,init"],
)
async def test_every_path_is_answered(data: str) -> None:
    async with opened() as door:
        assert (await call(door.port, data)).variables["FR_SOURCE"] == "fallback"
        assert door.desk.reasons == [""]
        assert door.desk.calls[0].test == data.startswith("test")


async def test_an_unrecorded_answer_says_so() -> None:
    async with opened(FakeDesk(recorded=False)) as door:
        assert (await call(door.port)).variables["FR_STATUS"] == "unrecorded"
        assert (await call(door.port, "event,1,start")).variables["FR_STATUS"] == "unrecorded"


@pytest.mark.parametrize("data", ["event,${EXTEN},start,linked_id=1.1", "ask,${EXTEN},start"])
async def test_an_event_is_taken(data: str) -> None:
    async with opened() as door:
        outcome = await call(door.port, data)
        assert outcome.variables == {"FR_SOURCE": "event", "FR_DECISION": "", "FR_STATUS": "ok"}
        assert [taken.stage for taken in door.desk.events] == ["start"]
        assert door.desk.calls == []
        await door.counted(events=1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("nope,1", "unknown path nope"),
        ("", "unknown path "),
        ("79507533333/x", "unknown path #/x"),
        ("event,1,", "an event without a stage"),
    ],
)
async def test_what_is_no_question_is_answered_from_instant_tiers(data: str, reason: str) -> None:
    async with opened() as door:
        assert (await call(door.port, data)).variables["FR_SOURCE"] == "fallback"
        assert door.desk.reasons == [reason]
        await door.counted(unknown_path=1, answered=1)


async def test_many_calls_at_once() -> None:
    async with opened() as door:
        outcomes = await asyncio.gather(*(call(door.port, f"ask,{number},init") for number in range(100)))
        assert {outcome.variables["FR_SOURCE"] for outcome in outcomes} == {"fallback"}
        assert {asked.did.raw for asked in door.desk.calls} == {str(number) for number in range(100)}
        assert len({outcome.variables["FR_DECISION"] for outcome in outcomes}) == 100
        await door.counted(accepted=100, answered=100)


async def test_a_header_in_pieces() -> None:
    block = application(CHANNEL, "ask,${EXTEN},init")
    async with opened() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        for at in range(0, len(block), 50):
            writer.write(block[at : at + 50])
            await asyncio.sleep(0.001)
        assert (await reader.readline()).startswith(b"SET VARIABLE CALLERID(name)")
        writer.transport.abort()
        await door.counted(gone=1)


async def replies(door: Door, *texts: bytes, tail: bytes = b"") -> list[bytes]:
    """Ask, reply to each command with one of the texts, and return the commands."""
    commands = []
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(application(CHANNEL, "ask,${EXTEN},init") + tail)
    for text in texts:
        commands.append(await reader.readline())
        writer.write(text)
    assert await reader.read() == b""
    writer.close()
    return commands


DONE = b"200 result=1\n"
USAGE = b"520-Invalid command syntax.  Proper usage follows:\nSets a variable.\n520 End of proper usage.\n"


@pytest.mark.parametrize(
    ("first", "hung_up", "refused"),
    [
        (DONE, 0, 0),
        (USAGE, 0, 1),
        (b"520-Invalid\nUsage: SET VARIABLE\n\tlonger\n\nstill\n520 End of proper usage.\n", 0, 1),
        (b"520 Invalid command syntax.  Proper usage not available.\n", 0, 1),
        (b"510 Invalid or unknown command\n", 0, 1),
        (b"511 Command Not Permitted on a dead channel\n", 0, 1),
        (b"HANGUP\n200 result=1\n", 1, 0),
        (b"HANGUP200 result=1\n", 1, 0),
        (b"100 Trying...\n200 result=1\n", 0, 0),
        (b"200 result=-1\n", 0, 1),
        (b"\xff\xfe nonsense\n", 0, 1),
        (b"\n", 0, 1),
    ],
)
async def test_replies_stay_in_step(first: bytes, hung_up: int, refused: int) -> None:
    async with opened() as door:
        commands = await replies(door, first, DONE)
        assert [command.split(b"(")[0] for command in commands] == [b"SET VARIABLE CALLERID", b"SET VARIABLE ARRAY"]
        await door.counted(answered=1)
        assert (door.reception.counts["hung_up"], door.reception.counts["refused_commands"]) == (hung_up, refused)


@pytest.mark.parametrize("tail", [b"HANGUP\n", b"HANG", b"HANGUP\n20"])
async def test_what_comes_behind_the_header_is_read_first(tail: bytes) -> None:
    rest = (b"HANGUP\n" + DONE)[len(tail) :]
    async with opened() as door:
        await replies(door, rest, DONE, tail=tail)
        await door.counted(answered=1, hung_up=1)


async def test_hostile_values_arrive_as_sent() -> None:
    text = 'a,b (c) [d] "e" \\ ж 📞 ${EXTEN}'
    async with opened(FakeDesk(route=Route((("app", "group"), ("num", "62"), ("text", text))))) as door:
        outcome = await call(door.port)
        assert outcome.variables["text"] == text
        assert outcome.variables["FR_DEST"] == "ext-group,62,1"


async def test_an_answer_cut_anywhere_is_whole_or_none() -> None:
    """Asterisk carries out a line that the connection's end cuts short."""
    async with opened(FakeDesk(route=Route((("app", "group"), ("num", "62"))))) as door:
        outcome = await exchange(door.port, application(CHANNEL, "ask,${EXTEN},init"))
    (line,) = outcome.commands
    for end in range(len(line)):
        variables = {"FR_SOURCE": ""}
        obey(variables, line[:end])
        assert not variables["FR_SOURCE"] or {**variables, "FR_SOURCE": "fallback"} == outcome.variables
