"""The last good addresses of names, kept so that a start while DNS is dead knows where the CRM is.

Plain and blocking: callers run it in a thread of theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.opened import opened


@dataclass(frozen=True, slots=True)
class SavedAddress:
    """One address of a name.

    Attributes:
        ttl_s: how long it counted as fresh, as the name server said.
        at: UTC, when it was looked up.
    """

    host: str
    address: str
    ttl_s: float
    at: datetime


def save_addresses(path: Path, addresses: Iterable[SavedAddress]) -> None:
    """Keep the addresses of these names in place of those that were kept; other names' stay.

    Raises:
        StoreError: the journal cannot be written.
    """
    rows = [(one.host, one.address, one.ttl_s, to_ms(one.at)) for one in addresses]
    with opened(path) as connection:
        connection.executemany("DELETE FROM addresses WHERE host = ?", {(row[0],) for row in rows})
        connection.executemany("INSERT OR REPLACE INTO addresses (host, address, ttl_s, at) VALUES (?, ?, ?, ?)", rows)


def load_addresses(path: Path) -> list[SavedAddress]:
    """Return all addresses kept, in the order saved.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        rows = connection.execute("SELECT host, address, ttl_s, at FROM addresses ORDER BY rowid").fetchall()
    return [SavedAddress(host, address, ttl_s, from_ms(at_ms)) for host, address, ttl_s, at_ms in rows]
