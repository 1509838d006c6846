"""Routes as a sync leaves them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fallbackrouter.store.route_draft import RouteDraft
from fallbackrouter.store.route_row import Changes, RouteRow

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GROUP = {"app": "group", "num": "62"}


def route_row(
    name: str,
    did: str = "",
    caller: str = "",
    *,
    result: dict[str, str] | None = None,
    when: Iterable[str] = (),
    **other: Any,
) -> RouteRow:
    """Return a row as a sync checks it."""
    windows = json.dumps(list(when)) if when else ""
    return RouteRow(name, json.dumps(result or GROUP), did, caller, windows=windows, **other)


def write_routes(
    path: Path,
    rows: Iterable[RouteRow],
    *,
    synced_at: datetime = AT,
    cursor: str = "",
    delta: bool = False,
    gone: Iterable[str] = (),
) -> Changes:
    """Make a generation of these rows visible."""
    draft = RouteDraft(path, delta=delta)
    try:
        draft.drop(list(gone))
        for row in rows:
            draft.put([row])
        changes = draft.lay()
        draft.publish(changes, synced_at=synced_at, facts={"cursor": cursor})
    finally:
        draft.discard()
    return changes
