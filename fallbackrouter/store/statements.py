"""Statements that write many rows at once, so that a batch costs few steps of SQLite.

Each step gives the interpreter lock away and has to win it back, which beside a busy loop takes milliseconds: twenty
decisions took 85 ms as twenty steps there, and 0.5 ms as one. So a batch of one kind is one statement, which is its
own transaction. The number of rows is padded to a power of two by writing the last row again (every statement here
takes that as nothing new), so that a handful of prepared statements serves all batches.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain

from fallbackrouter.store.rows import DECISION_COLUMNS, EVENT_COLUMNS, TIMES_COLUMNS, Row

MAX_ROWS = 256
"""The most rows of one statement; SQLite takes 32,766 values."""
Statement = tuple[str, Sequence[object]]
"""SQL and its values."""
WriteSql = Callable[[int], str]
"""How many rows -> the SQL that writes them."""


def many(sql: WriteSql, rows: Sequence[Row]) -> list[Statement]:
    """Return the statements that write these rows, MAX_ROWS at a time."""
    return [_one(sql, rows[at : at + MAX_ROWS]) for at in range(0, len(rows), MAX_ROWS)]


def _one(sql: WriteSql, rows: Sequence[Row]) -> Statement:
    size = 1 << (len(rows) - 1).bit_length()
    padding = (rows[-1],) * (size - len(rows))
    return sql(size), list(chain(*rows, *padding))


def run(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    """Run the statements as one transaction, all or none.

    Args:
        connection: in autocommit mode, outside of a transaction.

    Raises:
        sqlite3.Error: nothing was written.
    """
    if len(statements) == 1:
        connection.execute(*statements[0])
    elif statements:
        _run_together(connection, statements)


def _run_together(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, values in statements:
            connection.execute(sql, values)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def values(columns: int, rows: int) -> str:
    """Return SQL's spelling of so many rows of values to be bound."""
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


@cache
def decisions(rows: int) -> str:
    """Return the SQL that writes `rows.decision_row`s; a decision that is there stays as it is."""
    names = ", ".join(DECISION_COLUMNS)
    given = values(len(DECISION_COLUMNS), rows)
    return f"INSERT INTO decisions ({names}) VALUES {given} ON CONFLICT (id) DO NOTHING"  # noqa: S608 - our own names


@cache
def events(rows: int) -> str:
    """Return the SQL that writes `rows.event_row`s, each behind its place in the batch, and numbers them by call.

    What is there already is left out before numbers are given, so that a second try leaves no gap; so is what the other
    half of the same Local channel has told. An event whose decision its call worker does not know is linked to the
    newest one of its call.
    """
    names = ", ".join(EVENT_COLUMNS)
    written = names.replace("decision_id", _DECISION)
    given = values(1 + len(EVENT_COLUMNS), rows)
    return f"""WITH given (place, {names}) AS (VALUES {given}), fresh AS (
            SELECT DISTINCT *, {_OTHER_HALF} AS other FROM given AS g
            WHERE NOT EXISTS (SELECT 1 FROM events WHERE event_id = g.event_id)
        ), numbered AS (
            SELECT *, row_number() OVER (PARTITION BY node, call_key ORDER BY place) AS nth FROM fresh AS half
            WHERE half.other IS NULL OR NOT (
                EXISTS (SELECT 1 FROM events AS told WHERE {_TOLD})
                OR EXISTS (SELECT 1 FROM fresh AS told WHERE told.place < half.place AND {_TOLD}))
        ) INSERT INTO events ({names}, due_at, seq)
        SELECT {written}, at, nth + coalesce((
            SELECT max(e.seq) FROM events AS e WHERE e.call_key = numbered.call_key AND e.node = numbered.node
        ), 0) FROM numbered"""  # noqa: S608 - our own names


# A Local channel has two halves, `Local/100@queue-0000002a;1` and `;2`. Where both run through the same dialplan, each
# reports the same moment of the same call. Any other two channels of a call are two people, and both are told of.
_CHANNEL = "json_extract({}.details, '$.channel')"
_LINK = "coalesce(json_extract({}.details, '$.extra.link'), '')"
_OTHER_HALF = f"""CASE WHEN {_CHANNEL.format("g")} LIKE 'Local/%;1' THEN rtrim({_CHANNEL.format("g")}, '1') || '2'
                WHEN {_CHANNEL.format("g")} LIKE 'Local/%;2' THEN rtrim({_CHANNEL.format("g")}, '2') || '1' END"""
_TOLD = f"""told.call_key = half.call_key AND told.node = half.node AND told.stage = half.stage
                    AND {_CHANNEL.format("told")} = half.other
                    AND {_LINK.format("half")} IN ('', {_LINK.format("told")})"""
"""`told` says what `half` says; a recording that it knows nothing of is news."""


# By the channel that asked, by the call's first channel, and by whichever channel of the call asked.
_DECISION = """coalesce(nullif(decision_id, ''),
            (SELECT max(d.id) FROM decisions AS d WHERE d.call_id = numbered.call_id AND numbered.call_id <> ''),
            (SELECT max(d.id) FROM decisions AS d WHERE d.call_id = numbered.linked_id AND numbered.linked_id <> ''),
            (SELECT max(d.id) FROM decisions AS d WHERE d.linked_id = numbered.linked_id AND d.linked_id <> d.call_id
                AND d.linked_id <> ''),
            '')"""


@cache
def times(rows: int) -> str:
    """Return the SQL that writes `rows.times_row`s into decisions that are there.

    The rows that are given are gone through once, each looked up by its id: 256 take half a millisecond, where a
    correlated look into them takes three, for which a call's own record would have to wait.
    """
    told = ("journal_ms", "write_ms", "ms")
    return f"""WITH given ({", ".join(TIMES_COLUMNS)}) AS (VALUES {values(len(TIMES_COLUMNS), rows)})
        UPDATE decisions SET {", ".join(f"{name} = given.{name}" for name in told)}
        FROM given WHERE given.id = decisions.id"""  # noqa: S608 - our own names
