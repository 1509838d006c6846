"""admin.db: who may use the web interface, and what was changed by whom.

A file of its own, so that no login ever holds up a call's record.

Its rules:

- passwords and secrets of tokens and sessions are kept as digests only, made outside of this room;
- `user_version` names the schema; each step of `_STEPS` brings it one further; a newer file is refused, never touched;
- the file is for its owner alone (0600).

Plain sqlite3, blocking: for commands, or in a thread.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.faults import refusal

FILE_NAME = "admin.db"
_BUSY_S = 5.0
_STEPS = (
    """
    CREATE TABLE users (
        name TEXT PRIMARY KEY NOT NULL, password TEXT NOT NULL, role TEXT NOT NULL,
        made_at INTEGER NOT NULL, changed_at INTEGER NOT NULL) STRICT;
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,
        made_at INTEGER NOT NULL, used_at INTEGER) STRICT;
    CREATE TABLE sessions (
        digest BLOB PRIMARY KEY NOT NULL, user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
        address TEXT NOT NULL, made_at INTEGER NOT NULL, seen_at INTEGER NOT NULL) STRICT;
    CREATE INDEX sessions_by_user ON sessions (user);
    CREATE TABLE audit (
        id TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
        target TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, outcome TEXT NOT NULL) STRICT;
    """,
)


def prepare(path: Path) -> None:
    """Make the file, or bring it to this code's schema.

    Raises:
        StoreError: it was written by a newer fallbackrouter, or cannot be used.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(_connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _bring_up(path, connection)
    except OSError as error:
        raise StoreError(f"{path} cannot be made ({error.strerror}); make its folder writable for this user") from None
    except sqlite3.Error as error:
        raise refusal(path, error) from None


def _bring_up(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_STEPS):
        raise StoreError(
            f"{path} was written by a newer fallbackrouter (schema {version}); install that version or newer, "
            "or move the file away"
        )
    for step in _STEPS[version:]:
        for statement in filter(str.strip, step.split(";")):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(_STEPS)}")
    connection.execute("COMMIT")


@contextmanager
def admin_file(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction: committed at the end, undone by an exception; waits up to 5 s for others.

    Raises:
        StoreError: it is not there, or cannot be used.
    """
    if not path.exists():
        raise StoreError(f"there is no {path}; `fallbackrouter admin user add NAME` makes it")
    try:
        with closing(_connect(path)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise refusal(path, error) from None


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
