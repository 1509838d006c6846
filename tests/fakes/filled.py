"""A journal with many decisions and events in it, for tests of what looks through them or takes them away."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.store import schema, statements
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.rows import decision_row, event_row
from tests.fakes.records import AT, a_decision, an_event, an_id

DAY = timedelta(days=1)


@contextmanager
def at_journal(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal for a test's own look or change; made where it is missing."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        schema.create(connection)
        yield connection


def put(path: Path, *recorded: Decision | Event) -> None:
    """Write decisions and events as the journal's writer does."""
    decisions = [decision_row(one) for one in recorded if isinstance(one, Decision)]
    events = [(nth, *event_row(one)) for nth, one in enumerate(recorded) if isinstance(one, Event)]
    with at_journal(path) as connection:
        statements.run(connection, statements.many(statements.decisions, decisions))
        statements.run(connection, statements.many(statements.events, events))


def fill(path: Path, days: int, a_day: int, **of_the_call: Any) -> None:
    """Write so many decisions a day, the last of them a day before AT's."""
    put(
        path,
        *(
            a_decision(day * a_day + nth, at=AT - (days - day) * DAY + timedelta(seconds=nth), **of_the_call)
            for day in range(days)
            for nth in range(a_day)
        ),
    )


def put_ended(path: Path, number: int, days_ago: int, state: str = "delivered", **of_the_call: Any) -> None:
    """Write an event of a call of its own, that ended so long before AT; state pending: it has not."""
    at = AT - days_ago * DAY
    put(path, an_event(number, at=at, **({"call_id": f"c{number}", "linked_id": f"c{number}"} | of_the_call)))
    if state != "pending":
        with at_journal(path) as connection:
            ended = (state, to_ms(at), an_id(number))
            connection.execute("UPDATE events SET state = ?, ended_at = ?, due_at = NULL WHERE event_id = ?", ended)


def count(path: Path, table: str, where: str = "true") -> int:
    """Return how many rows of a table are so."""
    with at_journal(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])  # noqa: S608 - a test's own words
