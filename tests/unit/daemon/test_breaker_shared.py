"""The parent's part in the breaker: who is told what, and who leads; plain examples and random orders."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.breaker import Breaker, BreakerRules, Version
from fallbackrouter.daemon.breaker_shared import SharedBreaker
from fallbackrouter.daemon.child import Child

pytestmark = pytest.mark.anyio


class Worker:
    """A child's double: keeps what it is told, and takes it over."""

    def __init__(self) -> None:
        self.over: Any = asyncio.Future(loop=_LOOP)
        self.told: list[dict[str, Any]] = []
        self.breaker = Breaker(BreakerRules(in_row=1))

    def tell(self, message: dict[str, Any]) -> None:
        self.told.append(message)
        self.breaker.adopt(Version(*message["version"]), message["reason"], SystemClock().now_s())

    @property
    def leads(self) -> bool:
        return bool(self.told and self.told[-1]["leads"])

    @property
    def child(self) -> Child:
        return cast("Child", self)


_LOOP = asyncio.new_event_loop()
_LOOP.close()


def said(opened: int, level: int, state: str = "open") -> dict[str, Any]:
    return {"say": "breaker", "version": [opened, level], "state": state, "share": 0.0, "reason": "r"}


def a_house(count: int) -> tuple[SharedBreaker, list[Worker]]:
    shared, workers = SharedBreaker("http://crm"), [Worker() for _ in range(count)]
    for worker in workers:
        shared.admit(worker.child)
    return shared, workers


def test_a_change_is_told_to_all_others_and_to_who_comes_later() -> None:
    shared, (first, second, third) = a_house(3)
    shared.heard(first.child, said(1, 0))
    assert first.told == []
    assert [one.told[-1]["version"] for one in (second, third)] == [[1, 0], [1, 0]]
    assert not second.leads
    late = Worker()
    shared.admit(late.child)
    assert late.told[-1]["version"] == [1, 0]
    assert late.told[-1]["do"] == "breaker"


def test_nobody_is_told_anything_where_nothing_happened() -> None:
    _, workers = a_house(2)
    assert [worker.told for worker in workers] == [[], []]


def test_what_is_older_is_put_right_and_told_to_nobody() -> None:
    shared, (first, second) = a_house(2)
    shared.heard(first.child, said(3, 1_000, "closed"))
    second.told.clear()
    shared.heard(second.child, said(1, 0))
    assert [word["version"] for word in second.told] == [[3, 1_000]]
    assert first.told == []


def test_of_two_that_open_at_once_one_leads() -> None:
    shared, (first, second) = a_house(2)
    shared.heard(first.child, said(1, 0))
    shared.heard(second.child, said(1, 0))
    assert not second.leads
    shared.look([second.child, first.child])
    assert not second.leads


def test_another_leads_when_the_leader_is_gone() -> None:
    shared, (first, second) = a_house(2)
    shared.heard(first.child, said(1, 0))
    shared.look([second.child])
    assert second.leads
    assert not first.leads
    told = len(second.told)
    shared.look([second.child])
    assert len(second.told) == told


def test_nobody_is_named_where_nothing_is_to_be_probed_or_nobody_serves() -> None:
    shared, (first, second) = a_house(2)
    shared.look([second.child])
    shared.heard(first.child, said(1, 0))
    shared.look([])
    shared.heard(first.child, said(1, 1_000, "closed"))
    shared.look([second.child])
    assert not second.leads


def test_status_tells_of_the_latest() -> None:
    shared, (first, _) = a_house(2)
    before = shared.status()
    assert before is not None
    assert (before["state"], before["share"]) == ("closed", 1.0)
    shared.heard(first.child, said(1, 0))
    assert shared.status() == {"state": "open", "share": 0.0, "reason": "r"}
    assert SharedBreaker("").status() is None


@given(st.data())
def test_words_that_cross_on_their_way_leave_nobody_behind(data: st.DataObject) -> None:
    shared, workers = a_house(3)
    up: list[tuple[Worker, dict[str, Any]]] = []
    for _ in range(data.draw(st.integers(0, 20))):
        worker = data.draw(st.sampled_from(workers))
        opened, level = worker.breaker.version
        further = Version(opened + 1, 0) if data.draw(st.booleans()) else Version(opened, min(level + 1, 1_000))
        if further > worker.breaker.version:
            worker.breaker.adopt(further, "r", SystemClock().now_s())
            up.append((worker, said(*further)))
        one_arrives = data.draw(st.booleans())
        if up and one_arrives:
            sayer, word = up.pop(0)
            shared.heard(sayer.child, word)
    for sayer, word in up:
        shared.heard(sayer.child, word)
    assert len({worker.breaker.version for worker in workers}) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from([0, 1, 2, 3, 4, 1_000])), max_size=30))
def test_whatever_is_said_in_whatever_order_all_end_with_the_largest_version(words: list[tuple[int, int, int]]) -> None:
    shared, workers = a_house(4)
    for at, opened, level in words:
        version = Version(opened, level)
        if version > workers[at].breaker.version:
            workers[at].breaker.adopt(version, "r", SystemClock().now_s())
        shared.heard(workers[at].child, said(*version, "closed" if level == 1_000 else "open"))
    versions = {worker.breaker.version for worker in workers}
    if words:
        assert versions == {max(Version(0, 1_000), *(Version(opened, level) for _, opened, level in words))}
