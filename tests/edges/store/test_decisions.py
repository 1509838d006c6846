import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fallbackrouter.core.decision import Decision, Times
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.route import Route
from fallbackrouter.store import statements
from fallbackrouter.store.decisions import list_decisions, newer_than, show_decision
from fallbackrouter.store.incidents import list_incidents
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rows import decision_row
from tests.fakes.records import AT, a_decision, an_id

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def put(path: Path, *decisions: Decision) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for decision in decisions:
            statements.run(connection, statements.many(statements.decisions, [decision_row(decision)]))


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


async def test_a_decision_is_told_exactly_as_the_contract_spells_it(path: Path) -> None:
    journal = JournalWriter(path, on_note=pytest.fail, on_overflow=lambda what: pytest.fail(str(what)))
    journal.start(asyncio.get_running_loop())
    await journal.record_decision(a_decision(1, test=True, notes=("stage x is init",)))
    journal.record_times(an_id(1), Times(journal=0.25, write=0.125), 302.5)
    await journal.close(10)
    assert await show_decision(path, an_id(1)) == {
        "v": 1,
        "id": an_id(1),
        "at": "2026-03-02T10:00:00.123Z",
        "node": "pbx1",
        "call_id": "1700000000.1",
        "did": "+7 495 111-11-11",
        "caller": "89507533333",
        "stage": "init",
        "source": "fallback",
        "rule": "head office, in hours",
        "status": "degraded",
        "ms": 302.5,
        "route": {"app": "group", "num": "62", "time": "100", "CALLERID(name)": "Office"},
        "trail": {
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
            "times_ms": {
                "read": 1.5,
                "walk": 300.2,
                "live_queue": 0.1,
                "live": 300.0,
                "journal": 0.25,
                "write": 0.125,
            },
            "notes": ["stage x is init"],
        },
        "test": True,
    }


async def test_what_happened_not_yet_is_null(path: Path) -> None:
    put(path, a_decision(1))
    (row,) = await list_decisions(path, limit=5)
    assert row["ms"] is None
    assert row["trail"]["times_ms"]["write"] is None
    assert "notes" not in row["trail"]


async def test_a_second_route_stands_in_the_trail(path: Path) -> None:
    put(path, replace(a_decision(1), next_route=Route((("app", "hangup"),))), a_decision(2))
    later, first = await list_decisions(path, limit=5)
    assert first["trail"]["next"] == {"app": "hangup"}
    assert "next" not in later["trail"]


async def test_the_newest_come_first_and_pages_go_on_behind_each_other(path: Path) -> None:
    put(path, *(a_decision(number) for number in (3, 1, 4, 2, 5)))
    first = await list_decisions(path, limit=2)
    assert ids(first) == [an_id(5), an_id(4)]
    rest = await list_decisions(path, limit=10, before_id=first[-1]["id"])
    assert ids(rest) == [an_id(3), an_id(2), an_id(1)]


async def test_questions_of_our_own_can_be_left_out(path: Path) -> None:
    put(path, a_decision(1), a_decision(2, test=True))
    assert ids(await list_decisions(path, limit=10)) == [an_id(2), an_id(1)]
    assert ids(await list_decisions(path, limit=10, include_test=False)) == [an_id(1)]


async def test_an_id_that_is_not_there_is_none(path: Path) -> None:
    assert await show_decision(path, an_id(1)) is None


async def test_newer_ones_come_in_the_order_of_recording(path: Path) -> None:
    put(path, a_decision(1), a_decision(3))
    assert ids(await newer_than(path, an_id(3))) == []
    put(path, a_decision(2), a_decision(4))  # the second was recorded late, say after a full disk
    assert ids(await newer_than(path, an_id(3))) == [an_id(2), an_id(4)]
    assert ids(await newer_than(path, "")) == [an_id(1), an_id(3), an_id(2), an_id(4)]
    assert ids(await newer_than(path, "", limit=2)) == [an_id(1), an_id(3)]


async def test_newer_ones_are_found_though_the_known_one_is_gone(path: Path) -> None:
    put(path, a_decision(1), a_decision(2), a_decision(3))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM decisions WHERE id <= ?", (an_id(2),))
    assert ids(await newer_than(path, an_id(2))) == [an_id(3)]


async def test_reading_goes_on_beside_a_writer(path: Path) -> None:
    put(path, a_decision(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM decisions")
        assert ids(await list_decisions(path, limit=10)) == [an_id(1)]
        connection.execute("ROLLBACK")


async def test_no_journal_is_one_sentence_and_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with pytest.raises(StoreError, match=r"there is no journal at .*; it is made when") as refused:
        await list_decisions(path, limit=1)
    assert "\n" not in str(refused.value)
    assert not path.exists()


async def test_a_file_that_is_no_journal_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="damaged or no SQLite database; move it away"):
        await list_decisions(path, limit=1)


async def test_incidents_come_newest_first(path: Path) -> None:
    journal = JournalWriter(path, on_note=pytest.fail, on_overflow=lambda what: pytest.fail(str(what)))
    journal.start(asyncio.get_running_loop())
    journal.record_incident("breaker", "open", "5 failures in a row", AT)
    journal.record_incident("breaker", "closed", "", AT + timedelta(minutes=1))
    await journal.close(10)
    assert await list_incidents(path, limit=1) == [
        {"v": 1, "at": "2026-03-02T10:01:00.123Z", "part": "breaker", "state": "closed", "reason": ""}
    ]
    assert [row["state"] for row in await list_incidents(path, limit=9)] == ["closed", "open"]
