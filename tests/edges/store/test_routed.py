"""What the CRM is told of calls that it did not route, as the journal's writer keeps it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fallbackrouter.clock import SystemClock
from fallbackrouter.store import routed, schema
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.migrate import upgrade
from tests.fakes.records import a_decision, an_event, an_id

pytestmark = pytest.mark.anyio


def rows(path: Path, sql: str = "SELECT * FROM events ORDER BY call_key, seq") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def stages(path: Path) -> list[tuple[str, int]]:
    return [(row["stage"], row["seq"]) for row in rows(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[JournalWriter]:
    notes: list[str] = []
    writer = JournalWriter(path, on_note=notes.append, on_overflow=lambda what: pytest.fail(f"{what}"), routed="routed")
    writer.start(asyncio.get_running_loop())
    yield writer
    assert await writer.close(10) == 0
    assert notes == []


async def test_a_call_that_the_crm_did_not_route_is_told_of(journal: JournalWriter, path: Path) -> None:
    await journal.record_decision(a_decision(1, line="7"))
    (event,) = rows(path)
    assert json.loads(event["details"]) == {
        "line": "7",
        "context": "from-trunk",
        "channel": "PJSIP/trunk-00000001",
        "tier": "fallback",
        "rule": "head office, in hours",
        "route": {"app": "group", "num": "62", "time": "100", "CALLERID(name)": "Office"},
        "why": "live: no answer in 300 ms; synced: miss",
    }
    told = {name: event[name] for name in ("stage", "seq", "decision_id", "state", "test", "call_key", "did", "caller")}
    assert told == {
        "stage": "routed",
        "seq": 1,
        "decision_id": an_id(1),
        "state": "pending",
        "test": 0,
        "call_key": "1700000000.1",
        "did": "+7 495 111-11-11",
        "caller": "89507533333",
    }
    assert event["due_at"] == event["at"]
    assert event["event_id"] != an_id(1)
    assert len(event["event_id"]) == len(an_id(1))


async def test_it_stands_before_what_happens_later_and_in_the_same_batch(journal: JournalWriter, path: Path) -> None:
    batch = [journal.record_event(an_event(2)), journal.record_decision(a_decision(1))]
    assert await asyncio.gather(*batch) == [True, True]
    assert stages(path) == [("routed", 1), ("start", 2)]


@pytest.mark.parametrize("apart", [True, False])
async def test_a_call_is_told_of_once_whoever_of_its_channels_asks(
    journal: JournalWriter, path: Path, apart: bool
) -> None:
    calls: list[dict[str, Any]] = [
        {"call_id": f"1700000000.{channel}", "linked_id": "1700000000.1"} for channel in (1, 2, 3)
    ]
    asked = [a_decision(number, **call) for number, call in enumerate(calls)]
    if apart:
        for decision in asked:
            await journal.record_decision(decision)
    else:
        await asyncio.gather(*map(journal.record_decision, asked))
    await journal.record_decision(a_decision(9, linked_id="", stage="after_hours"))
    assert stages(path) == [("routed", 1)]


async def test_what_the_crm_routed_and_our_own_questions_are_not_told_of(journal: JournalWriter, path: Path) -> None:
    await journal.record_decision(replace(a_decision(1), source="live"))
    await journal.record_decision(a_decision(2, test=True))
    assert stages(path) == []
    await journal.record_decision(a_decision(3, stage="second"))
    assert stages(path) == [("routed", 1)]


async def test_calls_without_any_id_are_each_told_of(journal: JournalWriter, path: Path) -> None:
    await asyncio.gather(*(journal.record_decision(a_decision(number, call_id="", linked_id="")) for number in (1, 2)))
    assert stages(path) == [("routed", 1), ("routed", 1)]


def test_a_second_try_of_the_same_decision_adds_nothing(path: Path) -> None:
    file = JournalFile(path, SystemClock(), pytest.fail, 86_400, routed="routed")
    for _ in range(2):
        file.write([a_decision(1, call_id="", linked_id=""), an_event(2)])
    file.close()
    assert len(rows(path)) == 2


def test_a_batch_of_decisions_is_still_one_step_and_other_connections_do_not_see_the_trigger(path: Path) -> None:
    file = JournalFile(path, SystemClock(), pytest.fail, 86_400, routed="routed")
    steps: list[str] = []
    connection = file._open()
    connection.set_trace_callback(steps.append)
    file.write([a_decision(number, call_id=str(number), linked_id="") for number in range(20)])
    file.close()
    assert not [step for step in steps if step.startswith(("BEGIN", "COMMIT"))]
    assert len({step for step in steps if step.startswith("INSERT INTO decisions")}) == 1
    assert len(rows(path)) == 20
    assert rows(path, "SELECT name FROM sqlite_master WHERE type = 'trigger'") == []


def test_without_a_stage_nothing_is_told(path: Path) -> None:
    file = JournalFile(path, SystemClock(), pytest.fail, 86_400)
    file.write([a_decision(1)])
    file.close()
    assert rows(path) == []


@pytest.mark.parametrize("stage", ["", "x' OR 1", "Routed", "r" * 33])
def test_only_a_stage_gets_into_the_sql(stage: str) -> None:
    with pytest.raises(ValueError, match="is no stage"):
        routed.trigger(stage)


def test_the_look_for_an_earlier_one_is_led_by_an_index() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create(connection)
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT 1 FROM events WHERE call_key = 'a' AND node = 'b' AND stage = 'routed'"
        ).fetchall()
    assert "events_by_call (call_key=? AND node=?)" in plan[0][3]
