"""Logins of people, and tokens of programs, by the digests of their secrets. Blocking; see `admin_file`."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.admin_file import admin_file
from fallbackrouter.store.moments import iso, to_ms

MAX_PER_USER = 20
"""The logins that one user may have at once; the oldest go first."""
NOTED_EVERY_MS = 60_000
"""How exactly it is known when a session or token was last used: noting each request would be a write for each."""


@dataclass(frozen=True, slots=True)
class Token:
    """A program's token, without its secret.

    Attributes:
        made_at: ISO 8601, UTC; so is used_at, None where it never was used.
    """

    token_id: str
    name: str
    scopes: tuple[str, ...]
    made_at: str = ""
    used_at: str | None = None


def begin_session(path: Path, digest: bytes, user: str, address: str, at: datetime) -> None:
    """Keep a login.

    Raises:
        StoreError: there is no such user any more, or the file cannot be used.
    """
    with admin_file(path) as connection:
        try:
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (digest, user, address, to_ms(at), to_ms(at))
            )
        except sqlite3.IntegrityError:
            raise StoreError(f"there is no user {user}") from None
        connection.execute(
            "DELETE FROM sessions WHERE user = ? AND digest NOT IN "
            "(SELECT digest FROM sessions WHERE user = ? ORDER BY seen_at DESC LIMIT ?)",
            (user, user, MAX_PER_USER),
        )


def session_of(path: Path, digest: bytes, at: datetime, idle_s: float, whole_s: float) -> tuple[str, str] | None:
    """Return user and role of a login that still holds, and note that it was used; None where there is none.

    Args:
        idle_s: how long it may have been unused.
        whole_s: how long it may last in all.
    """
    query = "SELECT user, role, sessions.made_at, seen_at FROM sessions JOIN users ON name = user WHERE digest = ?"
    now_ms = to_ms(at)
    with admin_file(path) as connection:
        row = connection.execute(query, (digest,)).fetchone()
        if row is None:
            return None
        user, role, made_ms, seen_ms = row
        if now_ms - seen_ms > idle_s * 1000 or now_ms - made_ms > whole_s * 1000:
            connection.execute("DELETE FROM sessions WHERE digest = ?", (digest,))
            return None
        if now_ms - seen_ms > NOTED_EVERY_MS:
            connection.execute("UPDATE sessions SET seen_at = ? WHERE digest = ?", (now_ms, digest))
    return user, role


def end_session(path: Path, digest: bytes) -> None:
    """Forget a login."""
    with admin_file(path) as connection:
        connection.execute("DELETE FROM sessions WHERE digest = ?", (digest,))


def end_old_sessions(path: Path, at: datetime, idle_s: float, whole_s: float) -> int:
    """Forget logins that do not hold any more, and return how many."""
    now_ms = to_ms(at)
    with admin_file(path) as connection:
        bounds = (now_ms - idle_s * 1000, now_ms - whole_s * 1000)
        return connection.execute("DELETE FROM sessions WHERE seen_at < ? OR made_at < ?", bounds).rowcount


def add_token(path: Path, token: Token, digest: bytes, at: datetime) -> None:
    """Keep a token by the digest of its secret; raises StoreError where the file cannot be used."""
    with admin_file(path) as connection:
        row = (token.token_id, token.name, digest, " ".join(token.scopes), to_ms(at))
        connection.execute("INSERT INTO tokens (id, name, digest, scopes, made_at) VALUES (?, ?, ?, ?, ?)", row)


def list_tokens(path: Path) -> list[Token]:
    """Return all tokens, oldest first; none where there is no file yet."""
    if not path.exists():
        return []
    with admin_file(path) as connection:
        rows = connection.execute(
            "SELECT id, name, scopes, made_at, used_at FROM tokens ORDER BY made_at, id"
        ).fetchall()
    return [
        Token(token_id, name, tuple(scopes.split()), iso(made_at), None if used_at is None else iso(used_at))
        for token_id, name, scopes, made_at, used_at in rows
    ]


def revoke_token(path: Path, token_id: str) -> None:
    """Take a token out; raises StoreError where there is none."""
    with admin_file(path) as connection:
        if not connection.execute("DELETE FROM tokens WHERE id = ?", (token_id,)).rowcount:
            raise StoreError(f"there is no token {token_id}; `fallbackrouter admin token list` shows what there is")


def token_of(path: Path, digest: bytes, at: datetime) -> tuple[str, str, tuple[str, ...]] | None:
    """Return id, name and scopes of a token, and note that it was used; None where there is none."""
    now_ms = to_ms(at)
    with admin_file(path) as connection:
        query = "SELECT id, name, scopes, used_at FROM tokens WHERE digest = ?"
        row = connection.execute(query, (digest,)).fetchone()
        if row is None:
            return None
        token_id, name, scopes, used_ms = row
        if used_ms is None or now_ms - used_ms > NOTED_EVERY_MS:
            connection.execute("UPDATE tokens SET used_at = ? WHERE id = ?", (now_ms, token_id))
    return token_id, name, tuple(scopes.split())
