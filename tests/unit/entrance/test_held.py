"""The connections in hand, by a clock that is turned by hand: who rests, who waits, and who has had his time."""

import asyncio
from collections import Counter

import pytest

from fallbackrouter.entrance.held import Held
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


class Transport(asyncio.WriteTransport):
    """What is held: only whether it was cut is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = 0

    def abort(self) -> None:
        self.aborted += 1

    def was_cut(self) -> bool:
        return self.aborted > 0


class Hand:
    """Held, with its clock."""

    def __init__(self, max_calls: int = 9) -> None:
        self.clock = FakeClock()
        self.counts: Counter[str] = Counter()
        self.held = Held(clock=self.clock, counts=self.counts, max_calls=max_calls, header_s=2.0, send_s=2.0)

    def opened(self) -> Transport:
        transport = Transport()
        self.held.open(transport)
        return transport

    def answered(self) -> Transport:
        """A connection that rests after its answer."""
        transport = self.opened()
        self.held.arrived(transport)
        self.held.sending(transport)
        self.held.rest(transport)
        return transport

    def after(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.held._look()


async def test_a_resting_connection_has_its_time_and_no_more() -> None:
    hand = Hand()
    transport = hand.answered()
    hand.after(1.9)
    assert not transport.was_cut()
    hand.after(0.2)
    assert transport.was_cut()
    assert hand.counts == {"idle": 1}
    assert len(hand.held) == 0


async def test_a_request_that_begins_late_has_all_its_time() -> None:
    hand = Hand()
    transport = hand.answered()
    hand.after(1.9)
    hand.held.began(transport)
    hand.after(1.9)
    assert not transport.was_cut()
    hand.held.began(transport)
    hand.after(0.2)
    assert transport.was_cut()
    assert hand.counts == {"silent": 1}


async def test_the_oldest_stands_first_whoever_rests() -> None:
    hand = Hand(max_calls=2)
    silent = hand.opened()
    hand.after(0.5)
    resting = hand.answered()
    hand.opened()
    assert (silent.was_cut(), resting.was_cut()) == (True, False)
    hand.opened()
    assert resting.was_cut()
    assert hand.counts == {"shed": 2}


async def test_one_that_was_cut_does_not_rest() -> None:
    hand = Hand()
    transport = hand.answered()
    hand.after(3.0)
    hand.held.rest(transport)
    hand.held.began(transport)
    assert len(hand.held) == 0
    hand.after(3.0)
    assert hand.counts == {"idle": 1}


async def test_when_the_door_closes_those_that_rest_go_first() -> None:
    hand = Hand()
    transport = hand.answered()
    await hand.held.emptied(60.0)
    assert transport.was_cut()
    assert hand.counts == {"idle": 1}
