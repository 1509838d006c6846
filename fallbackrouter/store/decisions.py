"""Questions about decisions, for commands and the admin's pages: from the journal to JSON.

Source: docs/journal.md, "A decision's JSON".
"""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnClause, Integer, RowMapping, Select, literal_column, select

from fallbackrouter.store.engine import reading
from fallbackrouter.store.moments import iso
from fallbackrouter.store.tables import decisions

MAX_NEWER = 1000
"""The most that one look for newer decisions returns; the next look goes on behind them."""
_TIMES = ("read", "walk", "live_queue", "live", "journal", "write")
_ROWID: ColumnClause[int] = literal_column("decisions.rowid", Integer)

Json = dict[str, Any]


async def list_decisions(
    path: Path, *, limit: int, before_id: str | None = None, include_test: bool = True
) -> list[Json]:
    """Return decisions, newest first.

    Args:
        before_id: only older ones than this; None: from the newest on.
        include_test: questions of our own too.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    query = select(decisions).order_by(decisions.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(decisions.c.id < before_id)
    if not include_test:
        query = query.where(decisions.c.test == 0)
    return await _ask(path, query)


async def show_decision(path: Path, decision_id: str) -> Json | None:
    """Return one decision, None where there is none; raises as `list_decisions` does."""
    found = await _ask(path, select(decisions).where(decisions.c.id == decision_id))
    return found[0] if found else None


async def newer_than(path: Path, decision_id: str, limit: int = MAX_NEWER) -> list[Json]:
    """Return what was recorded after this decision, in the order of recording; raises as `list_decisions` does.

    The order is that of the commits: a decision that was recorded late comes late, and is not missed.

    Args:
        decision_id: the last one known; "" for none.
    """
    async with reading(path) as connection:
        place = await connection.scalar(select(_ROWID).select_from(decisions).where(decisions.c.id == decision_id))
        # Where the one known is gone from the journal, ids, which are ordered by time, must do.
        later = decisions.c.id > decision_id if place is None else place < _ROWID
        rows = await connection.execute(select(decisions).where(later).order_by(_ROWID).limit(limit))
        return [as_json(row) for row in rows.mappings()]


async def _ask(path: Path, query: Select[Any]) -> list[Json]:
    async with reading(path) as connection:
        rows = await connection.execute(query)
        return [as_json(row) for row in rows.mappings()]


def as_json(row: RowMapping) -> Json:
    """Return a row of the journal as the contract spells a decision."""
    trail = msgspec.json.decode(row["trail"])
    told: Json = {"steps": trail["steps"], "times_ms": {name: _rounded(row[f"{name}_ms"]) for name in _TIMES}}
    told |= {name: trail[name] for name in ("next", "notes") if name in trail}
    facts = {name: row[name] for name in ("node", "call_id", "did", "caller", "stage", "source", "rule", "status")}
    ends: Json = {
        "ms": _rounded(row["ms"]),
        "route": msgspec.json.decode(row["route"]),
        "trail": told,
        "test": bool(row["test"]),
    }
    return {"v": 1, "id": row["id"], "at": iso(row["at"]), **facts, **ends}


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)
