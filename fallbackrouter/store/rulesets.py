"""The rules that were applied, compiled: the latest serves, also after a restart with broken files.

Plain and blocking: call workers ask in a thread, commands ask directly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.opened import opened

KEPT = 50
"""How many are kept; older ones go when a new one comes."""

_INSERT = """INSERT INTO rulesets (at, digest, body, note, files, held) SELECT ?, ?, ?, ?, ?, ?
    WHERE ? IS NULL OR coalesce((SELECT max(id) FROM rulesets), 0) = ?"""
_COLUMNS = "id, at, digest, body, note, held"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Rules that were applied.

    Attributes:
        id: grows with each.
        at: UTC.
        digest: of the body, as the one who saved it reckons it.
        body: compiled rules; rulesfile.compiled reads them.
        note: where they came from, for people.
        held: tells files apart that are not to be applied unasked: what was rolled back. "" for none.
    """

    id: int
    at: datetime
    digest: str
    body: bytes
    note: str
    held: str = ""


def save_ruleset(
    path: Path,
    body: bytes,
    digest: str,
    note: str,
    at: datetime,
    *,
    files: bytes | None = None,
    held: str = "",
    after: int | None = None,
) -> int:
    """Keep rules as the latest, and return their id.

    Args:
        files: what they were compiled from, None where that is not kept.
        after: only where this is the id of the latest until now, 0 for none; else nothing is kept, and 0 is returned.
            None: in any case.

    Raises:
        StoreError: the journal cannot be written.
    """
    values = (to_ms(at), digest, body, note, files, held, after, after)
    with opened(path) as connection:
        kept = connection.execute(_INSERT, values)
        if not kept.rowcount:
            return 0
        connection.execute(
            "DELETE FROM rulesets WHERE id NOT IN (SELECT id FROM rulesets ORDER BY id DESC LIMIT ?)", (KEPT,)
        )
        return int(kept.lastrowid or 0)


def latest_ruleset(path: Path) -> Ruleset | None:
    """Return the rules that were applied last, None where none ever were.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    return _one(path, "ORDER BY id DESC LIMIT 1")


def ruleset(path: Path, number: int) -> Ruleset | None:
    """Return the rules of an id, None where they are not kept; raises as `latest_ruleset` does."""
    return _one(path, "WHERE id = ?", (number,))


def ruleset_numbers(path: Path) -> list[int]:
    """Return the ids of all that are kept, newest first; raises as `latest_ruleset` does."""
    with opened(path) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM rulesets ORDER BY id DESC")]


def ruleset_files(path: Path, number: int) -> bytes | None:
    """Return what the rules of an id were compiled from, None where it is not kept; raises as `latest_ruleset` does."""
    with opened(path) as connection:
        row = connection.execute("SELECT files FROM rulesets WHERE id = ?", (number,)).fetchone()
    return None if row is None else row[0]


def _one(path: Path, which: str, values: Sequence[Any] = ()) -> Ruleset | None:
    with opened(path) as connection:
        row = connection.execute(f"SELECT {_COLUMNS} FROM rulesets {which}", values).fetchone()  # noqa: S608 - ours
    return None if row is None else Ruleset(row[0], from_ms(row[1]), *row[2:])
