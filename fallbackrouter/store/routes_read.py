"""Reads routes.db for people and programs: what is in the cache, by did or caller. Never on a call's behalf."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.moments import iso
from fallbackrouter.store.route_shapes import parts
from fallbackrouter.store.route_tables import SCHEMA

_ROW = """SELECT key, rank, id, stage, result, windows, zone, valid_from, valid_until
    FROM {} JOIN bodies USING (body)"""
_WITHHELD = "-"


def read_routes(path: Path) -> Iterator[dict[str, Any]]:
    """Yield all routes as the feed spells them, in the order of their numbers; patterns that are tried last.

    Raises:
        StoreError: there are none, or the file is damaged or of another schema.
    """
    with _opened(path) as source:
        for table, order in (("routes", "key, rank, id"), ("patterns", "id")):
            yield from _rows(path, source, f"{_ROW.format(table)} ORDER BY {order}", ())


def find_route(path: Path, route_id: str) -> dict[str, Any] | None:
    """Return a route by its id, None where there is none; reads them all.

    Raises:
        StoreError: as above.
    """
    with _opened(path) as source:
        for table in ("routes", "patterns"):
            for row in _rows(path, source, f"{_ROW.format(table)} WHERE id = ?", (route_id,)):
                return row
    return None


def _opened(path: Path) -> "closing[sqlite3.Connection]":
    if not path.exists():
        raise StoreError("no routes were synced yet; `fallbackrouter sync` fetches them")
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        schema = source.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        source.close()
        raise refusal(path, error) from None
    if schema != SCHEMA:
        source.close()
        raise StoreError(f"{path} is of another version of fallbackrouter; run `fallbackrouter sync` to make it anew")
    return closing(source)


def _rows(path: Path, source: sqlite3.Connection, query: str, values: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    try:
        for row in source.execute(query, values):
            yield _as_fed(row)
    except sqlite3.Error as error:
        raise refusal(path, error) from None


def _as_fed(row: tuple[Any, ...]) -> dict[str, Any]:
    key, rank, route_id, stage, result, windows, zone, valid_from, valid_until = row
    did, caller = (_spelled(text) for text in parts(key))
    fed: Mapping[str, Any] = {
        "id": route_id,
        "did": did,
        "caller": caller,
        "stage": stage,
        "when": msgspec.json.decode(windows) if windows else None,
        "timezone": zone,
        "priority": -rank,
        "valid_from": None if valid_from is None else iso(valid_from),
        "valid_until": None if valid_until is None else iso(valid_until),
    }
    return {**{name: value for name, value in fed.items() if value}, "result": msgspec.json.decode(result)}


def _spelled(text: str) -> str:
    if text == _WITHHELD:
        return "withheld"
    return text.removeprefix("=") if text.startswith("=") else text
