"""The journal opened for one short piece of work, by plain sqlite3; blocking, so never in an event loop."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.faults import refusal

_BUSY_S = 5.0


def require(path: Path) -> None:
    """Raise StoreError where there is no journal."""
    if not path.exists():
        raise StoreError(f"there is no journal at {path}; it is made when `fallbackrouter serve` starts")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal for one transaction: committed at the end, undone by an exception.

    Waits up to 5 s for other writers.

    Raises:
        StoreError: there is no journal, or it cannot be used.
    """
    require(path)
    try:
        with closing(sqlite3.connect(_uri(path), uri=True, timeout=_BUSY_S)) as connection, connection:
            yield connection
    except sqlite3.Error as error:
        raise refusal(path, error) from None


def _uri(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=rw"
