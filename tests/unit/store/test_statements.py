import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from fallbackrouter.core.decision import Times
from fallbackrouter.store import remembered, schema, statements
from fallbackrouter.store.rows import Row, decision_row, event_row, times_row
from tests.fakes.records import AT, ROUTE, a_decision, an_event, an_id


@pytest.fixture
def journal() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create(connection)
        yield connection


def rows_of(kind: str, count: int) -> list[Row]:
    makers: dict[str, Callable[[int], Row]] = {
        "decisions": lambda number: decision_row(a_decision(number)),
        "events": lambda number: (number, *event_row(an_event(number))),
        "times": lambda number: times_row(an_id(number), Times(journal=number, write=1.0), 2.0),
    }
    return [makers[kind](number) for number in range(count)]


SQL = {"decisions": statements.decisions, "events": statements.events, "times": statements.times}


@pytest.mark.parametrize("kind", SQL)
def test_a_batch_of_one_kind_is_one_step(journal: sqlite3.Connection, kind: str) -> None:
    steps: list[str] = []
    batch = statements.many(SQL[kind], rows_of(kind, 20))
    journal.set_trace_callback(steps.append)
    statements.run(journal, batch)
    assert len(steps) == 1
    assert not journal.in_transaction


def test_a_handful_of_prepared_statements_serves_all_sizes() -> None:
    rows = rows_of("times", 256)
    sizes = {sql for size in range(1, 257) for sql, _ in statements.many(statements.times, rows[:size])}
    assert len(sizes) == 9


def test_several_kinds_are_one_transaction_all_or_none(journal: sqlite3.Connection) -> None:
    good = statements.many(statements.decisions, rows_of("decisions", 3))
    with pytest.raises(sqlite3.OperationalError):
        statements.run(journal, [*good, ("INSERT INTO nowhere VALUES (1)", ())])
    assert journal.execute("SELECT count(*) FROM decisions").fetchone() == (0,)
    assert not journal.in_transaction
    statements.run(journal, [*good, *statements.many(statements.events, rows_of("events", 3))])
    assert journal.execute("SELECT count(*) FROM decisions").fetchone() == (3,)


def test_events_tried_again_leave_no_gap(journal: sqlite3.Connection) -> None:
    first, second, third = rows_of("events", 3)
    statements.run(journal, statements.many(statements.events, [first, second]))
    statements.run(journal, statements.many(statements.events, [first, second, third]))
    assert journal.execute("SELECT seq FROM events ORDER BY event_id").fetchall() == [(1,), (2,), (3,)]


def test_times_reach_their_decision_and_no_other(journal: sqlite3.Connection) -> None:
    statements.run(journal, statements.many(statements.decisions, rows_of("decisions", 6)))
    statements.run(journal, statements.many(statements.times, rows_of("times", 5)))
    found = journal.execute("SELECT journal_ms, write_ms, ms FROM decisions ORDER BY id").fetchall()
    assert found == [*((number, 1.0, 2.0) for number in range(5)), (None, None, None)]


def test_of_several_changes_to_one_answer_the_last_counts(journal: sqlite3.Connection) -> None:
    changes: list[remembered.Change] = [
        remembered.RememberedEntry("a", ROUTE, AT, 1.0),
        remembered.RememberedEntry("b", ROUTE, AT, 2.0),
        remembered.Forgotten("a", AT),
        remembered.RememberedEntry("c", ROUTE, AT, 3.0),
    ]
    for _ in range(2):
        statements.run(journal, statements.many(remembered.write, remembered.change_rows(changes, "w")))
    found = journal.execute("SELECT key, route IS NULL, change FROM remembered ORDER BY change").fetchall()
    assert found == [("a", 1, 4), ("b", 0, 5), ("c", 0, 6)]
