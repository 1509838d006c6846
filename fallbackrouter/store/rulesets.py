"""The rules that were applied, compiled: the latest serves, also after a restart with broken files.

Plain and blocking: call workers ask in a thread, commands ask directly.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.opened import opened

KEPT = 50
"""How many are kept; older ones go when a new one comes."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Rules that were applied.

    Attributes:
        id: grows with each.
        at: UTC.
        digest: of the body, as the one who saved it reckons it.
        body: compiled rules; rulesfile.compiled reads them.
        note: where they came from, for people.
    """

    id: int
    at: datetime
    digest: str
    body: bytes
    note: str


def save_ruleset(path: Path, body: bytes, digest: str, note: str, at: datetime) -> int:
    """Keep rules as the latest, and return their id.

    Raises:
        StoreError: the journal cannot be written.
    """
    with opened(path) as connection:
        kept = connection.execute(
            "INSERT INTO rulesets (at, digest, body, note) VALUES (?, ?, ?, ?)", (to_ms(at), digest, body, note)
        )
        connection.execute(
            "DELETE FROM rulesets WHERE id NOT IN (SELECT id FROM rulesets ORDER BY id DESC LIMIT ?)", (KEPT,)
        )
        return int(kept.lastrowid or 0)


def latest_ruleset(path: Path) -> Ruleset | None:
    """Return the rules that were applied last, None where none ever were.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        row = connection.execute("SELECT id, at, digest, body, note FROM rulesets ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else Ruleset(row[0], from_ms(row[1]), row[2], row[3], row[4])
