"""Takes over a routes feed from a file: checked whole, then visible all at once; the former routes serve until then."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from fallbackrouter.clock import Clock
from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.errors import FeedError, StoreError
from fallbackrouter.core.route import Gate
from fallbackrouter.jobs.feed import read_feed
from fallbackrouter.jobs.feed_rows import Reject, RowReader
from fallbackrouter.store.routes import RoutesCopy, write_routes

LoadZone = Callable[[str], tzinfo | None]
"""A time zone by its name, None where there is none such."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did; `former` is how many routes served before."""

    taken: int
    former: int
    rejects: tuple[Reject, ...]


def sync_file(
    source: Path,
    routes: Path,
    *,
    gate: Gate,
    read_number: ReadNumber,
    load_zone: LoadZone,
    default_zone: str,
    max_shrink: float,
    allow_empty: bool,
    dry_run: bool,
    clock: Clock,
) -> Synced:
    """Make `routes` hold what the feed file says, or refuse and leave it as it is.

    Args:
        max_shrink: the share of the present routes that may be dropped; 1.0 for any.
        allow_empty: take a feed without a single route.
        dry_run: check, and change nothing.

    Raises:
        FeedError: the feed was refused; the text says why, and what to do.
        StoreError: the routes cannot be written.
    """
    reader = RowReader(gate=gate, read_number=read_number, load_zone=load_zone, default_zone=default_zone)
    read = [reader.read(raw, number) for number, raw in enumerate(read_feed(source))]
    rows = [row for row in read if not isinstance(row, Reject)]
    rejects = [row for row in read if isinstance(row, Reject)]
    former = _former(routes, gate, load_zone)
    _guard(source, len(rows), former, len(rejects), max_shrink=max_shrink, allow_empty=allow_empty)
    if not dry_run:
        write_routes(routes, rows, synced_at=clock.now_at())
    return Synced(len(rows), former, tuple(rejects))


def _former(routes: Path, gate: Gate, load_zone: LoadZone) -> int:
    try:
        copy = RoutesCopy.load(routes, gate=gate, load_zone=load_zone)
    except StoreError:
        return 0  # a cache that cannot be read is replaced like one that is not there
    copy.close()
    return copy.count


def _guard(source: Path, taken: int, former: int, rejected: int, *, max_shrink: float, allow_empty: bool) -> None:
    aside = f" ({rejected} set aside)" if rejected else ""
    if taken == 0 and not allow_empty:
        raise FeedError(f"{source} holds no route that may serve{aside}; nothing was changed; to drop all, use --force")
    if former and taken < former * (1 - max_shrink):
        raise FeedError(
            f"{source} would drop {former - taken} of {former} routes{aside}, more than sync.max_shrink allows "
            f"({max_shrink:.0%}); nothing was changed; if that is meant, use --force"
        )
