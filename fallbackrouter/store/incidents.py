"""Questions about incidents: the changes of state of the router's parts."""

from pathlib import Path
from typing import Any

from sqlalchemy import select

from fallbackrouter.store.engine import reading
from fallbackrouter.store.moments import iso
from fallbackrouter.store.tables import incidents


async def list_incidents(path: Path, *, limit: int) -> list[dict[str, Any]]:
    """Return incidents as `{"v", "at", "part", "state", "reason"}`, newest first.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    async with reading(path) as connection:
        rows = await connection.execute(select(incidents).order_by(incidents.c.id.desc()).limit(limit))
        return [{"v": 1, "at": iso(row.at), "part": row.part, "state": row.state, "reason": row.reason} for row in rows]
