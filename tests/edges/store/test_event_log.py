"""Events are read in the order stored, each once, in steps, also where the journal is a new one."""

import asyncio
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Event
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.numbers import read_number
from fallbackrouter.store.event_log import read_step
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.migrate import upgrade

pytestmark = pytest.mark.anyio


async def _store(path: Path, ids: list[str]) -> None:
    upgrade(path)
    clock = SystemClock()
    journal = JournalWriter(path, on_note=print, on_overflow=lambda _: None)
    journal.start(asyncio.get_running_loop())
    did = read_number("74951111111", None)
    calls = [Call(did=did, call_id=one, linked_id="1.1", stage="start") for one in ids]
    events = [Event(clock.new_id(), clock.now_at(), "here", call, "d1") for call in calls]
    assert all(await asyncio.gather(*(journal.record_event(event) for event in events)))
    await journal.close(10)


async def test_every_event_is_read_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    ids = [f"1.{number}" for number in range(25)]
    await _store(path, ids)
    place, read, whole = 0, [], False
    while not whole:
        step = read_step(path, place, 10)
        place, whole = step.place, step.whole
        read += [event.call_id for event in step.events]
    assert read == ids
    assert step.events[-1].linked_id == "1.1"
    assert (step.events[-1].did, step.events[-1].stage, step.events[-1].test) == ("74951111111", "start", False)
    await _store(path, ["2.1"])
    assert [event.call_id for event in read_step(path, place, 10).events] == ["2.1"]


async def test_a_new_journal_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await _store(path, ["2.1"])
    step = read_step(path, 1_000, 10)
    assert ([event.call_id for event in step.events], step.place) == (["2.1"], 1)


def test_no_journal_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no journal"):
        read_step(tmp_path / "journal.db", 0, 10)
