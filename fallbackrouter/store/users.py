"""The people who may log in. Plain sqlite3, blocking; see `admin_file`."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.admin_file import admin_file
from fallbackrouter.store.moments import iso, to_ms


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in.

    Attributes:
        role: viewer or editor.
        made_at: ISO 8601, UTC; so is changed_at.
    """

    name: str
    role: str
    made_at: str
    changed_at: str


def list_users(path: Path) -> list[User]:
    """Return all users by name; none where there is no file yet.

    Raises:
        StoreError: the file cannot be used.
    """
    if not path.exists():
        return []
    with admin_file(path) as connection:
        rows = connection.execute("SELECT name, role, made_at, changed_at FROM users ORDER BY name").fetchall()
    return [User(name, role, iso(made_at), iso(changed_at)) for name, role, made_at, changed_at in rows]


def add_user(path: Path, name: str, password: str, role: str, at: datetime) -> None:
    """Add a user.

    Args:
        password: its digest.

    Raises:
        StoreError: there is one of this name, or the file cannot be used.
    """
    with admin_file(path) as connection:
        try:
            connection.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?)", (name, password, role, to_ms(at), to_ms(at)))
        except sqlite3.IntegrityError:
            raise StoreError(
                f"there is a user {name} already; `fallbackrouter admin user password {name}` gives another password"
            ) from None


def set_password(path: Path, name: str, password: str, at: datetime) -> None:
    """Give a user another password's digest, and end the user's sessions; raises StoreError where there is none."""
    with admin_file(path) as connection:
        change = "UPDATE users SET password = ?, changed_at = ? WHERE name = ?"
        _require(name, connection.execute(change, (password, to_ms(at), name)).rowcount)
        connection.execute("DELETE FROM sessions WHERE user = ?", (name,))


def set_role(path: Path, name: str, role: str, at: datetime) -> None:
    """Give a user another role; raises StoreError where there is no such user."""
    with admin_file(path) as connection:
        change = "UPDATE users SET role = ?, changed_at = ? WHERE name = ?"
        _require(name, connection.execute(change, (role, to_ms(at), name)).rowcount)


def remove_user(path: Path, name: str) -> None:
    """Take a user out, sessions and all; raises StoreError where there is none."""
    with admin_file(path) as connection:
        _require(name, connection.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount)


def password_of(path: Path, name: str) -> str | None:
    """Return the digest of a user's password, None where there is no such user."""
    with admin_file(path) as connection:
        row = connection.execute("SELECT password FROM users WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _require(name: str, found: int) -> None:
    if not found:
        raise StoreError(f"there is no user {name}; `fallbackrouter admin user list` shows who there is")
