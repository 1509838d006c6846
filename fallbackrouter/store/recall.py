"""Reads the remembered answers for a command; call workers have theirs from their journal's writer."""

from datetime import datetime
from pathlib import Path

from fallbackrouter.store.opened import opened
from fallbackrouter.store.remembered import RememberedEntry, newest


def read_remembered(path: Path, limit: int, not_before: datetime) -> list[RememberedEntry]:
    """Return the latest answers, oldest first. Blocking.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    with opened(path) as connection:
        return newest(connection, limit, not_before)
