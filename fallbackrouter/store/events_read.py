"""Questions about events, for commands and the admin's pages: from the journal to JSON.

Every one is led by an index, so it costs what it returns, however many events there are.

Source: docs/journal.md, "An event's JSON".
"""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnClause, Integer, RowMapping, Select, Text, and_, literal_column, or_, select

from fallbackrouter.store.engine import reading
from fallbackrouter.store.moments import iso
from fallbackrouter.store.tables import events

MAX_NEWER = 1000
"""The most that one look for newer events returns; the next look goes on behind them."""
_PLACE: ColumnClause[int] = literal_column("events.rowid", Integer)
# With a plus SQLite does not look it up by the index of states, of which one may have millions of events.
_STATE: ColumnClause[str] = literal_column("+events.state", Text)
_PLAIN = ("node", "call_id", "linked_id", "seq", "stage", "state", "did", "caller", "decision_id", "attempts", "answer")
_MOMENTS = ("due_at", "tried_at", "ended_at", "missing_since")

Json = dict[str, Any]


def listing(*, limit: int, state: str = "", call: str = "") -> Select[Any]:
    """Return the query for events, newest first.

    Args:
        state: only those in this state; "": all.
        call: only those of this call, by its linked id or the id of one of its channels; "": all.
    """
    query = select(events).order_by(events.c.event_id.desc()).limit(limit)
    if state:
        query = query.where((_STATE if call else events.c.state) == state)
    if call:
        channel = and_(events.c.call_id == call, events.c.call_id != events.c.call_key)
        query = query.where(or_(events.c.call_key == call, channel))
    return query


async def list_events(path: Path, *, limit: int, state: str = "", call: str = "") -> list[Json]:
    """Return events, newest first; see `listing`.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    async with reading(path) as connection:
        rows = await connection.execute(listing(limit=limit, state=state, call=call))
        return [as_json(row) for row in rows.mappings()]


async def show_event(path: Path, event_id: str) -> Json | None:
    """Return one event, None where there is none; raises as `list_events` does."""
    async with reading(path) as connection:
        row = (await connection.execute(select(events).where(events.c.event_id == event_id))).mappings().first()
        return as_json(row) if row else None


async def latest_events(path: Path, limit: int) -> tuple[list[Json], int]:
    """Return the events stored last, in that order, and the place behind them; raises as `list_events` does."""
    query = select(events, _PLACE.label("place")).order_by(_PLACE.desc()).limit(limit)
    async with reading(path) as connection:
        rows = list((await connection.execute(query)).mappings())
    return [as_json(row) for row in reversed(rows)], rows[0]["place"] if rows else 0


async def events_behind(path: Path, place: int, limit: int = MAX_NEWER) -> tuple[list[Json], int]:
    """Return what was stored behind a place, in that order, and the place behind it; raises as `list_events` does."""
    query = select(events, _PLACE.label("place")).where(place < _PLACE).order_by(_PLACE).limit(limit)
    async with reading(path) as connection:
        rows = list((await connection.execute(query)).mappings())
    return [as_json(row) for row in rows], rows[-1]["place"] if rows else place


def as_json(row: RowMapping) -> Json:
    """Return a row of the journal as the contract spells an event."""
    moments = {name: None if row[name] is None else iso(row[name]) for name in _MOMENTS}
    if row["state"] != "pending":
        moments["due_at"] = None
    plain = {name: row[name] for name in _PLAIN}
    told = {"tries": _tries(row["tries"]), "details": msgspec.json.decode(row["details"]), "test": bool(row["test"])}
    return {"v": 1, "event_id": row["event_id"], "at": iso(row["at"]), **plain, **moments, **told}


def _tries(text: str) -> list[Json]:
    """Return the earlier tries; a try whose beginning is not known (a journal of an older release) has `at` None."""
    try:
        tries = msgspec.json.decode(text, type=list[tuple[int | None, int | None, str]])
    except msgspec.DecodeError:  # damaged: the event itself is worth more
        return []
    return [
        {"at": None if at is None else iso(at), "took_ms": took_ms, "answer": words} for at, took_ms, words in tries
    ]
