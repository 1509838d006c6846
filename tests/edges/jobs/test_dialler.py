"""The dialler on a real queue, with an exchange that answers, refuses, falls silent and forgets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.ami.client import Channel, Reply
from fallbackrouter.ami.session import Order
from fallbackrouter.core.errors import AmiError, NotSentError
from fallbackrouter.core.outcall import OutCall, State, Wanted
from fallbackrouter.jobs.dialler import GRACE_S, LOOK_S, Dialler
from fallbackrouter.store.calls import CallQueue
from tests.fakes.clock import FakeClock
from tests.fakes.outgoing import Killed, make_journal
from tests.fakes.records import a_made_call

pytestmark = pytest.mark.anyio


class FakeExchange:
    """Takes orders; `say` makes its answer to one, or raises."""

    def __init__(self) -> None:
        self.connected = True
        self.pings: Callable[[], None] = lambda: None
        self.say: Callable[[str], None] = lambda _: None
        self.word = Reply(ok=True, message="Originate successfully queued", fields={"Response": "Success"})
        self.orders: list[str] = []
        self.living: set[str] = set()

    async def action(self, fields: Order, within_s: float) -> Reply:
        assert within_s > 0
        if fields["Action"] == "Ping":
            self.pings()
            return Reply(ok=True, message="", fields={"Response": "Success"})
        out_id = str(fields["ChannelId"])
        self.say(out_id)
        self.orders.append(out_id)
        self.living.add(out_id)
        return self.word

    async def channels(self, within_s: float = 10.0) -> list[Channel]:
        assert within_s > 0
        return [Channel(one, one, "Local/632@inbound-1") for one in sorted(self.living)]


class Desk:
    """A queue, its exchange, and diallers that come and go."""

    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.exchange = FakeExchange()
        self.told: list[OutCall] = []
        self.queue = CallQueue(path, self._tell)
        self.barred = ""
        self.dialler = self.begin()
        self._asked = 0

    def _tell(self, call: OutCall) -> None:
        self.told.append(call)

    def begin(self) -> Dialler:
        """A new process takes over."""

        def bars(_wanted: Wanted, _now_at: datetime) -> str:
            return self.barred

        self.dialler = Dialler(
            self.queue,
            self.exchange,
            bars=bars,
            at_once=3,
            max_rate=0,
            clock=self.clock,
            in_thread=_at_once,
            on_trouble=lambda _: None,
            on_error=_unexpected,
        )
        return self.dialler

    def ask(self, count: int = 1) -> list[str]:
        """Have calls wanted."""
        found = []
        for _ in range(count):
            self._asked += 1
            call = a_made_call(self._asked, at=self.clock.now_at())
            found.append(self.queue.ask(call, max_per_minute=1000, max_waiting=1000)[0].out_id)
        return found

    def state(self, out_id: str) -> str:
        """How far a call has come."""
        call = self.queue.one(out_id)
        assert call is not None
        return str(call.state)

    def hears(self, event: str, out_id: str, **fields: str) -> None:
        """The exchange tells something."""
        name = "Uniqueid" if event == "OriginateResponse" else "Linkedid"
        self.dialler.hear({"Event": event, name: out_id, **fields})

    async def pass_(self, seconds: float) -> None:
        """Let time go by, and look."""
        self.clock.move(seconds)
        await self.dialler.turn()


def _at_once(work: Callable[[], Any]) -> Awaitable[Any]:
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    try:
        done.set_result(work())
    except Exception as error:  # noqa: BLE001 - as a thread would hand it on
        done.set_exception(error)
    return done


def _unexpected(error: Exception) -> None:
    raise AssertionError from error


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(make_journal(tmp_path / "journal.db"))
    yield desk
    desk.queue.close()


async def test_a_call_is_followed_from_its_order_to_its_end(desk: Desk) -> None:
    (out_id,) = desk.ask()
    await desk.pass_(0)
    assert (desk.exchange.orders, desk.state(out_id)) == ([out_id], "sent")
    desk.hears("OriginateResponse", out_id, Response="Success", Reason="4")
    await desk.pass_(1)
    assert desk.state(out_id) == "talking"
    desk.exchange.living.clear()
    desk.clock.move(30)
    desk.hears("Hangup", out_id, Cause="16")
    await desk.pass_(0)
    await desk.pass_(1)
    (call,) = desk.told
    assert (call.state, call.seconds, call.cause) == (State.ANSWERED, 30, 16)
    assert desk.dialler.ended == {"answered": 1}


async def test_no_more_are_under_way_than_may_be(desk: Desk) -> None:
    asked = desk.ask(5)
    await desk.pass_(0)
    await desk.pass_(1)
    assert desk.exchange.orders == asked[:3]
    desk.hears("OriginateResponse", asked[0], Response="Failure", Reason="5")
    desk.exchange.living.discard(asked[0])
    await desk.pass_(1)
    await desk.pass_(1)
    assert desk.state(asked[0]) == "busy"
    assert desk.exchange.orders == asked[:4]


async def test_what_was_surely_not_sent_is_sent_later_and_what_may_have_been_is_not(desk: Desk) -> None:
    def lost(_out_id: str) -> None:
        raise NotSentError("there is no connection")

    def silent(_out_id: str) -> None:
        raise AmiError("no answer came in time")

    desk.exchange.say = lost
    (out_id,) = desk.ask()
    await desk.pass_(0)
    assert desk.state(out_id) == "waiting"
    desk.exchange.say = silent
    await desk.pass_(1)
    assert desk.state(out_id) == "sending"
    desk.exchange.say = lambda _: None
    await desk.pass_(LOOK_S)
    await desk.pass_(GRACE_S)
    assert desk.exchange.orders == []
    assert desk.state(out_id) == "unknown"
    assert [call.state for call in desk.told] == [State.UNKNOWN]


async def test_an_order_without_an_answer_that_has_a_channel_was_taken(desk: Desk) -> None:
    def taken_in_silence(out_id: str) -> None:
        desk.exchange.orders.append(out_id)
        desk.exchange.living.add(out_id)
        raise AmiError("no answer came in time")

    desk.exchange.say = taken_in_silence
    (out_id,) = desk.ask()
    await desk.pass_(0)
    await desk.pass_(LOOK_S)
    assert (desk.state(out_id), desk.exchange.orders) == ("sent", [out_id])


@pytest.mark.parametrize("taken", [True, False])
async def test_a_process_that_dies_with_an_order_in_hand_leaves_none_to_be_sent_twice(desk: Desk, taken: bool) -> None:
    def dies(out_id: str) -> None:
        if taken:
            desk.exchange.orders.append(out_id)
            desk.exchange.living.add(out_id)
        raise Killed

    desk.exchange.say = dies
    (out_id,) = desk.ask()
    with pytest.raises(Killed):
        await desk.pass_(0)
    assert desk.state(out_id) == "sending"
    desk.exchange.say = lambda _: None
    desk.begin()
    await desk.pass_(LOOK_S)
    await desk.pass_(GRACE_S)
    assert desk.state(out_id) == ("sent" if taken else "unknown")
    assert desk.exchange.orders == ([out_id] if taken else [])


async def test_an_exchange_that_stands_still_gets_no_order_and_late_calls_are_given_up(desk: Desk) -> None:
    def still() -> None:
        raise AmiError("no answer came in time")

    desk.exchange.pings = still
    (out_id,) = desk.ask()
    await desk.pass_(1)
    assert desk.state(out_id) == "waiting"
    await desk.pass_(61)
    assert desk.state(out_id) == "expired"
    desk.exchange.pings = lambda: None
    await desk.pass_(1)
    assert desk.exchange.orders == []
    assert desk.dialler.ended == {"expired": 1}


async def test_what_is_barred_when_it_is_to_be_made_is_not_made(desk: Desk) -> None:
    (out_id,) = desk.ask()
    desk.barred = "the number is on the do-not-call list"
    await desk.pass_(0)
    assert (desk.state(out_id), desk.exchange.orders) == ("cancelled", [])
    assert desk.told[0].reason == desk.barred


async def test_what_asterisk_refuses_has_failed_in_its_words(desk: Desk) -> None:
    desk.exchange.word = Reply(ok=False, message="Permission denied", fields={"Response": "Error"})
    (out_id,) = desk.ask()
    await desk.pass_(0)
    assert desk.state(out_id) == "failed"
    assert desk.told[0].reason == "Asterisk refused it: Permission denied"


async def test_a_cancelled_call_is_never_sent(desk: Desk) -> None:
    out_id, other = desk.ask(2)
    desk.queue.cancel(out_id, desk.clock.now_at() + timedelta(seconds=1), "by hand")
    await desk.pass_(0)
    assert desk.exchange.orders == [other]
