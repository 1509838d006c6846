"""What an admin does to events, beside a delivery that has some in hand; and what lists of them cost."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store import event_changes
from fallbackrouter.store.event_changes import Chosen, change_chosen, drop_events, retry_events
from fallbackrouter.store.events_read import events_behind, latest_events, listing
from fallbackrouter.store.outbox import Outbox, Settled
from tests.fakes.outgoing import add_events, fill, ids, make_journal, stored
from tests.fakes.records import AT, an_event, an_id

LATER = AT + timedelta(minutes=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_journal(tmp_path / "journal.db", [an_event(number, call_id="a", linked_id="") for number in (1, 2)])


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(Outbox(path)) as made:
        yield made


def take(outbox: Outbox) -> list[str]:
    return ids(outbox.take(LATER, 10, busy=(), next_due=lambda _: LATER + timedelta(minutes=1)))


def test_an_event_that_is_dropped_in_hand_stays_dropped_and_the_next_goes_on(path: Path, outbox: Outbox) -> None:
    assert take(outbox) == [an_id(1)]
    assert drop_events(path, [an_id(1)], LATER) == 1
    assert take(outbox) == [an_id(2)]
    outbox.settle([Settled(an_id(1), "delivered", "200", LATER)])
    assert stored(path, "state") == [("dropped",), ("pending",)]


def test_an_event_that_is_retried_begins_anew_and_is_first_again(path: Path, outbox: Outbox) -> None:
    take(outbox)
    outbox.settle([Settled(an_id(1), "dead", "", LATER, None, AT)])
    assert retry_events(path, [an_id(1), an_id(2)], LATER) == 1
    assert stored(path, "state, attempts, missing_since, ended_at")[0] == ("pending", 0, None, None)
    assert take(outbox) == [an_id(1)]


def test_many_events_are_changed_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_journal(tmp_path / "journal.db")
    fill(path, 1_000, 1_000, AT, AT)
    add_events(path, [an_event(1)])
    assert change_chosen(path, Chosen((), ("pending",)), drop_events, LATER) == 1_001
    with monkeypatch.context() as patched:
        patched.setattr(event_changes, "_RETRY", event_changes._DROP)
        assert change_chosen(path, Chosen((), event_changes.OPEN), retry_events, LATER) == 0
    assert {state for (state,) in stored(path, "state")} == {"dropped"}


def test_events_that_come_meanwhile_are_left_alone(path: Path) -> None:
    def drop_and_report(journal: Path, event_ids: object, _at: object) -> int:
        add_events(journal, [an_event(9, call_id="b", linked_id="")])
        return drop_events(journal, list(event_ids), LATER)  # type: ignore[call-overload]

    assert change_chosen(path, Chosen((), ("pending",)), drop_and_report, LATER) == 2
    assert stored(path, "state") == [("dropped",), ("dropped",), ("pending",)]


def test_an_id_that_is_none_changes_nothing(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no event none"):
        change_chosen(path, Chosen((an_id(1), "none"), ("pending",)), drop_events, LATER)
    assert stored(path, "state") == [("pending",), ("pending",)]


def test_ids_and_a_call_have_both_to_be_so(path: Path) -> None:
    add_events(path, [an_event(3, call_id="b", linked_id="")])
    chosen = Chosen((an_id(1), an_id(3)), ("pending",), "a")
    assert change_chosen(path, chosen, drop_events, LATER) == 1
    assert stored(path, "state") == [("dropped",), ("pending",), ("pending",)]


@pytest.mark.anyio
async def test_what_is_stored_is_followed_from_place_to_place(path: Path) -> None:
    rows, place = await latest_events(path, 1)
    assert [row["event_id"] for row in rows] == [an_id(2)]
    assert await events_behind(path, place) == ([], place)
    add_events(path, [an_event(number, call_id="b", linked_id="") for number in (4, 3)])
    rows, behind = await events_behind(path, place, limit=1)
    assert [row["event_id"] for row in rows] == [an_id(4)]
    rows, _ = await events_behind(path, behind)
    assert [row["event_id"] for row in rows] == [an_id(3)]


PLANS = {
    "all": ({}, ["SCAN events USING INDEX sqlite_autoindex_events_1"]),
    "of a state": ({"state": "dead"}, ["SEARCH events USING INDEX events_by_state (state=?)"]),
    "of a call": (
        {"call": "a"},
        [
            "MULTI-INDEX OR",
            "INDEX 1",
            "SEARCH events USING INDEX events_by_call (call_key=?)",
            "INDEX 2",
            "SEARCH events USING INDEX events_by_channel (call_id=?)",
            "USE TEMP B-TREE FOR ORDER BY",
        ],
    ),
}
PLANS["of a call and a state"] = ({"call": "a", "state": "dead"}, PLANS["of a call"][1])


@pytest.mark.parametrize("name", PLANS)
def test_a_list_reads_what_it_shows_or_its_call(path: Path, name: str) -> None:
    wanted, plan = PLANS[name]
    query = listing(limit=20, **wanted).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with closing(sqlite3.connect(path)) as connection:
        assert [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {query}")] == plan
