"""What is known of the routes beside themselves: how old they are, and how the last sync went.

A small JSON file beside routes.db, replaced at one stroke. It may be lost at any time: it counts only for the
generation of routes that it names, and what it says of that is newer than what the generation says of itself.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from fallbackrouter.core.errors import StoreError
from fallbackrouter.jobs.feed_rows import Reject

NAME = "routes.json"
REJECTS = "routes-rejects.ndjson"
MAX_BYTES = 1_000_000
OK, FAILING, NEVER = "ok", "failing", "never"


class LastSync(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last sync that ended well: what it changed, and how long it took."""

    full: bool
    rows: int
    count: int
    added: int
    changed: int
    removed: int
    unchanged: int
    set_aside: int
    took_s: float


class SyncState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of the sync.

    Attributes:
        generation: the routes that this is about; "" for none.
        synced_at: when the CRM last said that they hold, also by 304 or an empty delta; None: never.
        cursor: what the feed wants to be asked with next time.
        etag: of the first page, for the URL that it was asked with.
        etag_url: that URL.
        state: ok, failing or never.
        since: when this state began.
        error: why the last try failed; "" where it did not.
        failures: tries that failed in a row.
        tried_at: the last try.
        retry_after_s: how long the CRM asked to wait, None where it did not say.
        last: the last sync that brought something.
    """

    generation: str = ""
    synced_at: datetime | None = None
    cursor: str = ""
    etag: str = ""
    etag_url: str = ""
    state: str = NEVER
    since: datetime | None = None
    error: str = ""
    failures: int = 0
    tried_at: datetime | None = None
    retry_after_s: float | None = None
    last: LastSync | None = None


def load_state(folder: Path) -> SyncState:
    """Return what was saved; where nothing readable was, what a first start knows. Blocking."""
    try:
        data = (folder / NAME).read_bytes()
        return msgspec.json.decode(data, type=SyncState) if len(data) <= MAX_BYTES else SyncState()
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return SyncState()


def save_state(folder: Path, state: SyncState) -> None:
    """Save it at one stroke. Blocking.

    Raises:
        StoreError: the disk is in the way.
    """
    _replace(folder / NAME, [msgspec.json.encode(state)])


def save_rejects(folder: Path, rejects: Iterable[Reject]) -> None:
    """Keep the rows that the last feed had set aside, with their reasons; none: there were none. Blocking.

    Raises:
        StoreError: the disk is in the way.
    """
    _replace(folder / REJECTS, (msgspec.json.encode({"id": one.row_id, "reason": one.reason}) for one in rejects))


def load_rejects(folder: Path) -> list[Reject]:
    """Return them. Blocking."""
    try:
        lines = (folder / REJECTS).read_bytes().splitlines()
        return [Reject(str(one["id"]), str(one["reason"])) for one in map(msgspec.json.decode, lines)]
    except (OSError, ValueError, KeyError, TypeError, msgspec.DecodeError):
        return []


def _replace(path: Path, lines: Iterable[bytes]) -> None:
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb") as file:
            for line in lines:
                file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {(error.strerror or 'unknown').lower()}") from None
