"""What routes.db says of itself, without reading its routes."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.store.moments import from_ms
from fallbackrouter.store.route_tables import SCHEMA


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A generation of routes.

    Attributes:
        generation: tells it from all others.
        synced_at: UTC, when the CRM sent it.
        cursor: what the feed wanted to be asked with next time.
        origin: what it was made from, so that a delta is asked for from the same place only.
    """

    generation: str
    count: int
    synced_at: datetime
    cursor: str
    origin: str


def route_facts(path: Path) -> RouteFacts | None:
    """Return what the file says of itself, None where there is none that this release can read. Blocking."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as source:
            if source.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
                return None
            facts = dict(source.execute("SELECT name, value FROM facts"))
        return RouteFacts(
            facts.get("generation", ""),
            int(facts["count"]),
            from_ms(int(facts["synced_at"])),
            facts.get("cursor", ""),
            facts.get("origin", ""),
        )
    except (sqlite3.Error, KeyError, ValueError):
        return None
