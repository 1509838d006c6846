"""An event is linked to its call's decision by the writer, where its call worker does not know it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.store import schema, statements
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rows import event_row
from tests.fakes.records import a_decision, an_event, an_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def linked(path: Path, *decided: dict[str, Any], event: dict[str, Any], known: str = "") -> str:
    """Return the decision that an event is linked to, of decisions with these ids from 1 on."""
    file = JournalFile(path, SystemClock(), pytest.fail, 86_400)
    for number, call in enumerate(decided, 1):
        file.write([a_decision(number, **call)])
    file.write([an_event(100, decision_id=known, **event)])
    file.close()
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT decision_id FROM events").fetchone()[0])


def call(call_id: str, linked_id: str) -> dict[str, Any]:
    return {"call_id": call_id, "linked_id": linked_id}


@pytest.mark.parametrize(
    ("decided", "event", "expected"),
    [
        ([call("a", "")], call("a", ""), 1),
        ([call("a", ""), call("a", "")], call("a", ""), 2),
        ([call("a", ""), call("b", "a")], call("b", "a"), 2),
        ([call("a", "")], call("b", "a"), 1),
        ([call("b", "a")], call("a", "a"), 1),
        ([call("b", "a"), call("c", "a"), call("d", "")], call("e", "a"), 2),
        ([call("a", "")], call("b", ""), 0),
        ([call("", "")], call("", ""), 0),
        ([], call("a", "a"), 0),
    ],
)
def test_an_event_is_linked_by_its_channel_else_by_its_call(
    path: Path, decided: list[dict[str, Any]], event: dict[str, Any], expected: int
) -> None:
    assert linked(path, *decided, event=event) == (an_id(expected) if expected else "")


def test_what_the_call_worker_knows_stands(path: Path) -> None:
    assert linked(path, call("a", ""), event=call("a", ""), known=an_id(7)) == an_id(7)


def test_an_event_is_linked_to_a_decision_of_its_own_batch(path: Path) -> None:
    file = JournalFile(path, SystemClock(), pytest.fail, 86_400)
    file.write([an_event(2), a_decision(1)])
    file.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT decision_id FROM events").fetchall() == [(an_id(1),)]


def test_writing_an_event_scans_no_table_and_takes_no_number_twice() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create(connection)
        row = (0, *event_row(an_event(1)))
        ((sql, values),) = statements.many(statements.events, [row])
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in {"d", "e", "events", "decisions"}]
    assert scans == []
    searches = {step.split(" USING ")[1] for step in plan if step.startswith("SEARCH")}
    assert {
        "COVERING INDEX decisions_by_call (call_id=?)",
        "INDEX decisions_by_linked (linked_id=?)",
        "COVERING INDEX events_by_call (call_key=? AND node=?)",
    } <= searches
