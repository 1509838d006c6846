import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store import outbox_sql
from fallbackrouter.store.outbox import BEHIND_MS, Backlog, Outbox, OutEvent, Settled
from tests.fakes.outgoing import add_events, fill, ids, make_journal, stored
from tests.fakes.records import AT, an_event, an_id

LATER = AT + timedelta(minutes=1)
RETRY = timedelta(seconds=30)
MS = timedelta(milliseconds=1)


def in_ms(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def retried(_event: OutEvent) -> datetime:
    return LATER + RETRY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two events of call a, one of call b."""
    named = [("a", "start"), ("a", "end_auto"), ("b", "start")]
    events = [
        an_event(number, call_id=call, linked_id="", stage=stage, extra=(("link", "/x.wav"),))
        for number, (call, stage) in enumerate(named, 1)
    ]
    return make_journal(tmp_path / "journal.db", events)


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(Outbox(path)) as made:
        yield made


def take(outbox: Outbox, at: datetime = LATER, limit: int = 10, busy: tuple[tuple[str, str], ...] = ()) -> list[str]:
    return ids(outbox.take(at, limit, busy=busy, next_due=retried))


def test_an_event_is_given_out_whole(outbox: Outbox) -> None:
    event = outbox.take(LATER, 1, busy=(), next_due=retried)[0]
    assert event == OutEvent(
        event_id=an_id(1),
        at=in_ms(AT),
        node="pbx1",
        call_id="a",
        linked_id="",
        call_key="a",
        seq=1,
        stage="start",
        did="+7 495 111-11-11",
        caller="89507533333",
        decision_id="",
        details={"context": "from-trunk", "channel": "PJSIP/trunk-00000001", "extra": {"link": "/x.wav"}},
        test=False,
        attempts=1,
        missing_since=None,
    )


def test_only_the_first_of_each_call_is_given_out_and_its_try_is_kept(path: Path, outbox: Outbox) -> None:
    assert take(outbox) == [an_id(1), an_id(3)]
    kept = stored(path, "event_id, attempts, due_at, tried_at")
    due, tried = int((LATER + RETRY).timestamp() * 1000), int(LATER.timestamp() * 1000)
    assert kept[0] == (an_id(1), 1, due, tried)
    assert kept[1] == (an_id(2), 0, due + BEHIND_MS, None)
    assert kept[2] == (an_id(3), 1, due, tried)


def test_what_was_given_out_is_due_again_only_when_its_time_has_come(outbox: Outbox) -> None:
    assert take(outbox)
    assert take(outbox, LATER + RETRY - MS) == []
    assert take(outbox, LATER + RETRY) == [an_id(1), an_id(3)]
    assert outbox.take(LATER + RETRY * 2, 1, busy=(), next_due=retried)[0].attempts == 3


@pytest.mark.parametrize("state", ["delivered", "refused", "dead"])
def test_the_next_of_a_call_is_due_at_once_when_the_first_is_settled(path: Path, outbox: Outbox, state: str) -> None:
    take(outbox)
    outbox.settle([Settled(an_id(1), state, "200 fine", LATER)])
    assert take(outbox) == [an_id(2)]
    told = stored(path, "state, answer, ended_at")
    assert told[0] == (state, "200 fine", int(LATER.timestamp() * 1000))


def test_what_is_to_be_tried_again_stays_the_first_of_its_call(path: Path, outbox: Outbox) -> None:
    take(outbox)
    soon = LATER + timedelta(seconds=2)
    outbox.settle([Settled(an_id(1), "pending", "503", LATER, soon, AT), Settled(an_id(3), "pending", "503", LATER)])
    assert take(outbox, soon - MS) == []
    (event,) = outbox.take(soon, 10, busy=(), next_due=retried)
    assert (event.event_id, event.attempts, event.missing_since) == (an_id(1), 2, in_ms(AT))
    assert stored(path, "answer, ended_at")[0] == ("503", None)
    assert take(outbox, LATER + RETRY) == [an_id(1), an_id(3)]


def test_a_call_in_hand_gives_out_nothing_and_goes_on_afterwards(outbox: Outbox) -> None:
    assert take(outbox, busy=(("pbx1", "a"),)) == [an_id(3)]
    assert take(outbox) == []
    assert take(outbox, LATER + timedelta(seconds=1)) == [an_id(1)]


def test_calls_of_two_nodes_are_two_calls(path: Path, outbox: Outbox) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET node = 'pbx2' WHERE event_id = ?", (an_id(2),))
    assert take(outbox, busy=(("pbx1", "a"),)) == [an_id(2), an_id(3)]


def test_no_more_than_asked_for_and_the_longest_due_first(path: Path, outbox: Outbox) -> None:
    early = AT - timedelta(seconds=1)
    add_events(path, [an_event(9, call_id="c", linked_id="", at=early)])
    assert take(outbox, limit=1) == [an_id(9)]
    assert take(outbox, limit=0) == []
    assert take(outbox, limit=1) == [an_id(1)]


def test_an_event_that_was_lost_sight_of_is_found_again(path: Path, outbox: Outbox) -> None:
    take(outbox)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM events WHERE event_id = ?", (an_id(1),))
    assert take(outbox, LATER + RETRY) == [an_id(3)]
    assert an_id(2) in take(outbox, LATER + RETRY + timedelta(milliseconds=BEHIND_MS))


def test_an_event_that_was_dropped_meanwhile_stays_dropped(path: Path, outbox: Outbox) -> None:
    take(outbox)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET state = 'dropped' WHERE event_id = ?", (an_id(1),))
    for state in ("delivered", "pending"):
        outbox.settle([Settled(an_id(1), state, "200", LATER, LATER)])
    assert stored(path, "state, answer")[0] == ("dropped", "")


def test_words_are_bounded_and_any_text_will_do(path: Path, outbox: Outbox) -> None:
    outbox.settle([Settled(an_id(1), "refused", "\ud800" + "x" * 1000, LATER)])
    assert stored(path, "answer")[0] == ("\\ud800" + "x" * 499,)


def test_settling_is_all_or_none(path: Path, outbox: Outbox) -> None:
    with pytest.raises(TypeError):
        outbox.settle([Settled(an_id(1), "delivered", "", LATER), Settled(an_id(3), "delivered", "", None)])  # type: ignore[arg-type]
    assert [state for _, state, _ in stored(path)] == ["pending"] * 3
    outbox.settle([])


def test_a_fault_of_the_asker_changes_nothing(path: Path, outbox: Outbox) -> None:
    def breaks(_event: OutEvent) -> datetime:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outbox.take(LATER, 10, busy=(), next_due=breaks)
    assert [attempts for *_, attempts in stored(path)] == [0, 0, 0]
    assert take(outbox) == [an_id(1), an_id(3)]


def test_the_backlog_is_counted(outbox: Outbox) -> None:
    assert outbox.backlog() == Backlog(3, in_ms(AT), 0, 0)
    outbox.settle([Settled(an_id(1), "refused", "", LATER), Settled(an_id(3), "dead", "", LATER)])
    assert outbox.backlog() == Backlog(1, in_ms(AT), 1, 1)
    outbox.settle([Settled(an_id(2), "delivered", "", LATER)])
    assert outbox.backlog() == Backlog(0, None, 1, 1)
    assert outbox.next_due() is None


def test_the_backlog_tells_of_what_others_wrote(path: Path, outbox: Outbox) -> None:
    assert outbox.backlog().pending == 3
    add_events(path, [an_event(9, call_id="c", linked_id="")])
    assert outbox.backlog().pending == 4


def test_the_next_due_time_is_told(outbox: Outbox) -> None:
    assert outbox.next_due() == in_ms(AT)
    take(outbox)
    assert outbox.next_due() == LATER.replace(microsecond=LATER.microsecond // 1000 * 1000) + RETRY


def test_the_oldest_are_given_up_and_the_next_of_their_calls_go_on(path: Path, outbox: Outbox) -> None:
    add_events(path, [an_event(4, call_id="b", linked_id="", at=LATER)])
    take(outbox)
    assert outbox.expire(LATER, LATER, "too old", 2) == 2
    assert outbox.expire(LATER, LATER, "too old", 2) == 1
    assert outbox.expire(LATER, LATER, "too old", 2) == 0
    assert [state for _, state, _ in stored(path)] == ["dead", "dead", "dead", "pending"]
    assert take(outbox) == [an_id(4)]


def test_a_locked_journal_is_told_and_nothing_changes(path: Path) -> None:
    with (
        closing(Outbox(path, busy_ms=20)) as outbox,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another program"):
            take(outbox)
        with pytest.raises(StoreError, match="is locked by another program"):
            outbox.settle([Settled(an_id(1), "delivered", "", LATER)])
        assert outbox.backlog().pending == 3
        other.execute("ROLLBACK")
        assert [row[1:] for row in stored(path)] == [("pending", 0)] * 3
        assert take(outbox) == [an_id(1), an_id(3)]


def test_a_full_disk_is_told_and_nothing_changes(path: Path, outbox: Outbox) -> None:
    add_events(path, [an_event(number, call_id="c", linked_id="") for number in range(10, 60)])
    connection = outbox._open()
    connection.execute("PRAGMA max_page_count = 1")
    wordy = [Settled(an_id(number), "refused", "x" * 500, LATER) for number in range(10, 60)]
    with pytest.raises(StoreError, match="no room left"):
        outbox.settle(wordy)
    assert {state for _, state, _ in stored(path)} == {"pending"}
    connection.execute("PRAGMA max_page_count = 100000")
    outbox.settle(wordy)
    assert outbox.backlog().refused == 50


def test_a_journal_that_is_missing_or_damaged_is_told(path: Path, outbox: Outbox, tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "none.db")) as none, pytest.raises(StoreError, match="there is no journal"):
        take(none)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "bad.db").write_bytes(b"no database" * 1000)
    with closing(Outbox(tmp_path / "bad.db")) as bad, pytest.raises(StoreError, match="is damaged"):
        take(bad)


def test_another_file_in_the_place_of_the_journal_is_followed(path: Path, outbox: Outbox) -> None:
    assert take(outbox, limit=1) == [an_id(1)]
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        if (path.parent / name).exists():
            (path.parent / name).rename(path.parent / f"{name}.aside")
    with pytest.raises(StoreError, match="there is no journal"):
        take(outbox)
    make_journal(path, [an_event(7)])
    assert take(outbox) == [an_id(7)]
    outbox.close()
    assert outbox.backlog().pending == 1


PLANS = {
    "DUE": ((1, 2), "events_due (due_at<?)"),
    "NEXT_DUE": ((), "events_due (due_at>?)"),
    "FIRST": (("a", "b"), "events_waiting (call_key=? AND node=?)"),
    "TRY": ((1, 2, "a"), "sqlite_autoindex_events_1 (event_id=?)"),
    "PUT_OFF": ((1, "a"), "sqlite_autoindex_events_1 (event_id=?)"),
    "SETTLE": (("a", "b", 1, 1, 1, "a"), "sqlite_autoindex_events_1 (event_id=?)"),
    "WAKE": ((1, "a"), "events_waiting (call_key=? AND node=?)"),
    "OLDEST": ((1,), "events_by_state (state=?)"),
}


@pytest.mark.parametrize("name", PLANS)
def test_each_statement_is_led_by_an_index_and_sorts_nothing(path: Path, name: str) -> None:
    values, index = PLANS[name]
    with closing(sqlite3.connect(path)) as connection:
        sql = getattr(outbox_sql, name)
        steps = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any(index in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step]


def steps_of(outbox: Outbox, work: str) -> int:
    """Return how many instructions of SQLite's machine a piece of work takes, in hundreds."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    connection = outbox._open()
    connection.set_progress_handler(tick, 100)
    if work == "take":
        outbox.take(LATER, 8, busy=(), next_due=retried)
    else:
        outbox.settle([Settled("019e0000-0000-7000-8000-000000000000", "delivered", "", LATER)])
    connection.set_progress_handler(None, 100)
    return ticks


@pytest.mark.parametrize("calls", [1, 250_000])
def test_a_million_pending_events_cost_what_a_thousand_do(tmp_path: Path, calls: int) -> None:
    costs: list[dict[str, int]] = []
    for count in (1_000, 1_000_000):
        path = make_journal(tmp_path / f"{count}.db")
        fill(path, count, min(calls, count), AT, AT)
        outbox = Outbox(path)
        costs.append({work: steps_of(outbox, work) for work in ("take", "settle", "take")})
        outbox.close()
    small, large = costs
    assert all(large[work] <= 2 * small[work] + 5 for work in small), costs
