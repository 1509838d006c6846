"""Loads routes.db, and sets it aside where it is damaged: it is a cache, and the next sync makes it anew."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.route import Gate
from fallbackrouter.store.damage import alone, identity, set_aside
from fallbackrouter.store.faults import DamagedError
from fallbackrouter.store.routes import LoadZone, RoutesCopy


def load_or_set_aside(
    path: Path,
    *,
    gate: Gate,
    load_zone: LoadZone,
    default_zone: str,
    at: datetime,
    on_note: Callable[[str], None],
) -> RoutesCopy:
    """Copy routes.db into memory; a damaged one is renamed, told of, and counts as none. Blocking.

    Args:
        at: UTC, goes into the name of a damaged file.
        on_note: told in plain words where it lies now.

    Raises:
        StoreError: the file is of another schema, or the disk is in the way.
    """
    found = identity(path)
    try:
        return RoutesCopy.load(path, gate=gate, load_zone=load_zone, default_zone=default_zone)
    except DamagedError:
        _set_aside(path, found, at, on_note)
    return RoutesCopy.load(path, gate=gate, load_zone=load_zone, default_zone=default_zone)


def _set_aside(path: Path, found: object, at: datetime, on_note: Callable[[str], None]) -> None:
    """Rename the damaged file, unless another process has done so, or a sync has replaced it meanwhile."""
    try:
        with alone(path):
            if identity(path) == found:
                aside = set_aside(path, at)
                on_note(f"{path} was damaged and lies at {aside} now; `fallbackrouter sync` makes it anew")
    except OSError as error:
        raise StoreError(f"{path} is damaged and cannot be moved away ({error.strerror}); delete it by hand") from None
