import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fallbackrouter.core.decision import Times
from fallbackrouter.core.numbers import WITHHELD
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.migrate import upgrade
from tests.fakes.records import AT, a_decision, an_event, an_id

pytestmark = pytest.mark.anyio


def ask(path: Path, sql: str, *values: object) -> list[dict[str, Any]]:
    connection = sqlite3.connect(path)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]
    finally:
        connection.close()


def nobody(_said: object) -> None:
    """Hear what a test does not ask about."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[JournalWriter]:
    notes: list[str] = []
    writer = JournalWriter(path, on_note=notes.append, on_overflow=lambda what: pytest.fail(f"handed out: {what}"))
    writer.start(asyncio.get_running_loop())
    yield writer
    assert await writer.close(10) == 0
    assert notes == []


async def test_a_decision_is_in_the_file_once_its_future_says_so(journal: JournalWriter, path: Path) -> None:
    assert await journal.record_decision(a_decision(1, line="7", test=True, notes=("stage x is init",))) is True
    (row,) = ask(path, "SELECT * FROM decisions")
    trail = json.loads(row.pop("trail"))
    assert row == {
        "id": an_id(1),
        "at": 1772445600123,
        "node": "pbx1",
        "call_id": "1700000000.1",
        "linked_id": "1700000000.1",
        "did": "+7 495 111-11-11",
        "caller": "89507533333",
        "did_key": "74951111111",
        "caller_key": "89507533333",
        "stage": "init",
        "line": "7",
        "context": "from-trunk",
        "channel": "PJSIP/trunk-00000001",
        "source": "fallback",
        "rule": "head office, in hours",
        "status": "degraded",
        "test": 1,
        "ms": None,
        "route": '{"app":"group","num":"62","time":"100","CALLERID(name)":"Office"}',
        "read_ms": 1.5,
        "walk_ms": 300.2,
        "live_queue_ms": 0.1,
        "live_ms": 300.0,
        "journal_ms": None,
        "write_ms": None,
    }
    assert trail == {
        "steps": [
            {"tier": "live", "verdict": "timed_out", "reason": "no answer in 300 ms", "ms": 300.123},
            {"tier": "synced", "verdict": "miss", "ms": 0.02},
            {
                "tier": "fallback",
                "verdict": "hit",
                "rule": "head office, in hours",
                "notes": ["quotes stripped from text"],
                "ms": 0.03,
            },
        ],
        "notes": ["stage x is init"],
    }


async def test_a_decision_written_twice_is_one(journal: JournalWriter, path: Path) -> None:
    both = [journal.record_decision(a_decision(1)), journal.record_decision(a_decision(1))]
    assert await asyncio.gather(*both) == [True, True]
    assert await journal.record_decision(a_decision(1)) is True
    assert ask(path, "SELECT count(*) AS n FROM decisions") == [{"n": 1}]


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 1000])
async def test_batches_of_every_size_arrive_whole(journal: JournalWriter, path: Path, count: int) -> None:
    futures = [journal.record_decision(a_decision(number)) for number in range(count)]
    events = [journal.record_event(an_event(number, linked_id=str(number % 7))) for number in range(count)]
    assert all(await asyncio.gather(*futures, *events))
    assert ask(path, "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM decisions") == [{"n": count, "ids": count}]
    assert [row["event_id"] for row in ask(path, "SELECT event_id FROM events ORDER BY event_id")] == [
        an_id(number) for number in range(count)
    ]
    for call in range(7):
        rows = ask(path, "SELECT seq FROM events WHERE call_key = ? ORDER BY event_id", str(call))
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


async def test_times_are_added_once_the_answer_is_out(journal: JournalWriter, path: Path) -> None:
    for number in range(3):
        await journal.record_decision(a_decision(number))
        journal.record_times(an_id(number), Times(journal=0.2, write=0.1 + number), 301.5)
    await journal.close(10)
    rows = ask(path, "SELECT journal_ms, write_ms, ms, live_ms FROM decisions ORDER BY id")
    assert rows == [{"journal_ms": 0.2, "write_ms": 0.1 + number, "ms": 301.5, "live_ms": 300.0} for number in range(3)]


async def test_times_come_without_a_further_call(journal: JournalWriter, path: Path) -> None:
    await journal.record_decision(a_decision(1))
    journal.record_times(an_id(1), Times(journal=0.2, write=0.1), 1.0)
    async with asyncio.timeout(60):
        while ask(path, "SELECT ms FROM decisions") != [{"ms": 1.0}]:
            await asyncio.sleep(0.02)


async def test_events_count_from_one_within_their_call(journal: JournalWriter, path: Path) -> None:
    calls: list[dict[str, Any]] = [
        {"linked_id": "9.1", "call_id": "9.2"},
        {"linked_id": "", "call_id": "9.1"},  # the same call, told by its first channel
        {"linked_id": "8.1", "call_id": "8.1"},
        {"linked_id": "9.1", "call_id": "9.3"},
        {"linked_id": "", "call_id": ""},
        {"linked_id": "", "call_id": ""},
    ]
    for number, ids in enumerate(calls):
        assert await journal.record_event(an_event(number, **ids)) is True
    rows = ask(path, "SELECT seq, state FROM events ORDER BY event_id")
    assert [row["seq"] for row in rows] == [1, 2, 1, 3, 1, 1]
    assert {row["state"] for row in rows} == {"pending"}


async def test_an_event_keeps_what_it_was_told(journal: JournalWriter, path: Path) -> None:
    extra = (("short", "62"), ("link", "/rec/a,b;c.wav"), ("line", "not the call's"))
    event = an_event(1, decision_id=an_id(7), stage="end_auto", extra=extra, line="7", caller=WITHHELD)
    await journal.record_event(event)
    (row,) = ask(path, "SELECT stage, did, caller, decision_id, details, at, test FROM events")
    assert json.loads(row.pop("details")) == {
        "line": "7",
        "context": "from-trunk",
        "channel": "PJSIP/trunk-00000001",
        "extra": {"short": "62", "link": "/rec/a,b;c.wav", "line": "not the call's"},
    }
    assert row == {
        "stage": "end_auto",
        "did": "+7 495 111-11-11",
        "caller": "",
        "decision_id": an_id(7),
        "at": 1772445600123,
        "test": 0,
    }


async def test_a_text_that_is_no_utf_8_is_spelled_out(journal: JournalWriter, path: Path) -> None:
    odd = "caf\udce9"
    assert await journal.record_decision(a_decision(1, context=odd, notes=(odd,))) is True
    assert await journal.record_event(an_event(2, channel=odd, extra=((odd, odd),))) is True
    (row,) = ask(path, "SELECT context, trail FROM decisions")
    assert row["context"] == "caf\\udce9"
    assert json.loads(row["trail"])["notes"] == ["caf\\udce9"]
    (row,) = ask(path, "SELECT details FROM events")
    assert json.loads(row["details"])["extra"] == {"caf\\udce9": "caf\\udce9"}


async def test_an_incident_is_kept(journal: JournalWriter, path: Path) -> None:
    journal.record_incident("breaker", "open", "5 failures in a row", AT)
    await journal.close(10)
    kept = {"id": 1, "at": 1772445600123, "part": "breaker", "state": "open", "reason": "5 failures in a row"}
    assert ask(path, "SELECT * FROM incidents") == [kept]


async def test_a_row_that_is_unfit_is_handed_back_and_the_others_are_written(path: Path) -> None:
    handed: list[object] = []
    notes: list[str] = []
    journal = JournalWriter(path, on_note=notes.append, on_overflow=handed.append)
    journal.start(asyncio.get_running_loop())
    unfit = structs.replace(a_decision(2), call="no call at all")
    futures = [journal.record_decision(decision) for decision in (a_decision(1), unfit, a_decision(3))]
    assert await asyncio.gather(*futures) == [True, False, True]
    assert handed == [unfit]
    assert len(notes) == 1
    assert [row["id"] for row in ask(path, "SELECT id FROM decisions ORDER BY id")] == [an_id(1), an_id(3)]
    assert await journal.close(10) == 0


async def test_after_close_nothing_is_taken_silently(path: Path) -> None:
    handed: list[object] = []
    journal = JournalWriter(path, on_note=nobody, on_overflow=handed.append)
    journal.start(asyncio.get_running_loop())
    assert await journal.close(10) == 0
    late = a_decision(1)
    assert await journal.record_decision(late) is False
    assert handed == [late]
    assert await journal.close(10) == 0


async def test_a_missing_journal_is_made_as_the_migrations_make_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = JournalWriter(path, on_note=nobody, on_overflow=nobody)
    journal.start(asyncio.get_running_loop())
    assert await journal.record_decision(a_decision(1)) is True
    assert await journal.close(10) == 0
    upgrade(path)
    assert [row["id"] for row in ask(path, "SELECT id FROM decisions")] == [an_id(1)]


def test_a_journal_that_was_not_started_says_so(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path / "journal.db", on_note=print, on_overflow=print)
    with pytest.raises(RuntimeError, match="not been started"):
        journal.record_decision(a_decision(1))
