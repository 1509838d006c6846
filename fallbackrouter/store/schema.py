"""The journal's schema as plain SQL, for call workers: they make a lost journal anew, and may not import Alembic.

What `create` makes is what the migrations make at their head (a test compares the two), its revision included, so
that a journal made here is opened and migrated like any other.
"""

import sqlite3

REVISION = "0008"
"""The migrations' head that STATEMENTS stand for."""

STATEMENTS = (
    """CREATE TABLE decisions (
        id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, call_id TEXT NOT NULL,
        linked_id TEXT NOT NULL, did TEXT NOT NULL, caller TEXT NOT NULL, did_key TEXT NOT NULL,
        caller_key TEXT NOT NULL, stage TEXT NOT NULL, line TEXT NOT NULL, context TEXT NOT NULL,
        channel TEXT NOT NULL, source TEXT NOT NULL, rule TEXT NOT NULL, status TEXT NOT NULL, test INTEGER NOT NULL,
        ms REAL, route TEXT NOT NULL, trail TEXT NOT NULL, read_ms REAL, walk_ms REAL, live_queue_ms REAL,
        live_ms REAL, journal_ms REAL, write_ms REAL)""",
    "CREATE INDEX decisions_by_call ON decisions (call_id, id)",
    "CREATE INDEX decisions_by_linked ON decisions (linked_id, id) WHERE linked_id <> call_id AND linked_id <> ''",
    "CREATE INDEX decisions_by_time ON decisions (at)",
    "CREATE INDEX decisions_over_1000_ms ON decisions (at, ms) WHERE ms >= 1000",
    "CREATE INDEX decisions_over_400_ms ON decisions (at, ms) WHERE ms >= 400 AND ms < 1000",
    "CREATE INDEX decisions_over_100_ms ON decisions (at, ms) WHERE ms >= 100 AND ms < 400",
    "CREATE INDEX decisions_over_10_ms ON decisions (at, ms) WHERE ms >= 10 AND ms < 100",
    "CREATE INDEX decisions_under_10_ms ON decisions (at, ms) WHERE ms < 10",
    "CREATE INDEX decisions_by_did ON decisions (did_key, at)",
    "CREATE INDEX decisions_by_caller ON decisions (caller_key, at)",
    "CREATE INDEX decisions_by_source ON decisions (source, status, at)",
    "CREATE INDEX decisions_by_rule ON decisions (rule, at) WHERE rule <> ''",
    """CREATE INDEX decisions_drilled ON decisions (at) WHERE instr(trail, '"drill: ') > 0""",
    """CREATE TABLE events (
        event_id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, call_id TEXT NOT NULL,
        linked_id TEXT NOT NULL, call_key TEXT NOT NULL, seq INTEGER NOT NULL, stage TEXT NOT NULL, did TEXT NOT NULL,
        caller TEXT NOT NULL, decision_id TEXT NOT NULL, details TEXT NOT NULL, state TEXT NOT NULL,
        test INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due_at INTEGER, tried_at INTEGER,
        missing_since INTEGER, answer TEXT NOT NULL DEFAULT '', ended_at INTEGER,
        tries TEXT NOT NULL DEFAULT '[]')""",
    "CREATE UNIQUE INDEX events_by_call ON events (call_key, node, seq)",
    "CREATE INDEX events_by_channel ON events (call_id) WHERE call_id <> call_key",
    "CREATE INDEX events_waiting ON events (call_key, node, seq) WHERE state = 'pending'",
    "CREATE INDEX events_due ON events (due_at) WHERE state = 'pending'",
    "CREATE INDEX events_by_state ON events (state, event_id)",
    "CREATE INDEX events_by_end ON events (ended_at) WHERE state <> 'pending'",
    """CREATE TABLE incidents (
        id INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL, part TEXT NOT NULL, state TEXT NOT NULL,
        reason TEXT NOT NULL)""",
    """CREATE TABLE remembered (
        "key" TEXT NOT NULL PRIMARY KEY, route TEXT, at INTEGER NOT NULL, ttl_s REAL NOT NULL,
        fallback_rule TEXT NOT NULL, writer TEXT NOT NULL, change INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX remembered_by_change ON remembered (change)",
    """CREATE TABLE rulesets (
        id INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL,
        note TEXT NOT NULL, files BLOB, held TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE addresses (
        host TEXT NOT NULL, address TEXT NOT NULL, ttl_s REAL NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (host, address))""",
    """CREATE TABLE progress (
        job TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, "row" INTEGER NOT NULL, id TEXT NOT NULL)""",
    """CREATE TABLE out_calls (
        out_id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, owner TEXT NOT NULL,
        crm_id TEXT NOT NULL, channel TEXT NOT NULL, context TEXT NOT NULL, exten TEXT NOT NULL,
        priority TEXT NOT NULL, caller TEXT NOT NULL, details TEXT NOT NULL, state TEXT NOT NULL,
        not_after INTEGER NOT NULL, sent_at INTEGER, answered_at INTEGER, ended_at INTEGER, cause INTEGER,
        reason TEXT NOT NULL DEFAULT '')""",
    "CREATE UNIQUE INDEX out_calls_by_crm_id ON out_calls (owner, crm_id) WHERE crm_id <> ''",
    "CREATE INDEX out_calls_by_owner ON out_calls (owner, at)",
    "CREATE INDEX out_calls_open ON out_calls (state, out_id) WHERE ended_at IS NULL",
    "CREATE INDEX out_calls_by_end ON out_calls (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
)

FOUNDATION = ("PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL")
"""What has to be said before a journal's first table is made, and outside of a transaction."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty journal, all or none; one that has tables stays as it is.

    Args:
        connection: in autocommit mode, outside of a transaction.

    Raises:
        sqlite3.Error: the disk or another writer is in the way; nothing was made.
    """
    for statement in FOUNDATION:
        connection.execute(statement)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not has_tables(connection):
            for statement in STATEMENTS:
                connection.execute(statement)
            connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (REVISION,))
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def has_tables(connection: sqlite3.Connection) -> bool:
    """Tell whether the journal's tables are there."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'decisions'")
    return found.fetchone() is not None
