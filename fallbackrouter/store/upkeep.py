"""Keeps the journal in bounds: what is old goes, numbers are hidden, and the write-ahead log is carried over.

Its rules:

- one small step at a time, with a pause behind it that is many times as long: calls' records come first;
- a step that the disk or another writer was in the way of changed nothing, and is taken again later;
- the disk is never let run full for the record's sake: below `min_free_bytes` the oldest go and their room is given
  back, as nothing can be deleted any more once it is full. What is younger than a day stays even then: it may be
  another program that fills the disk.

Everything here blocks; its caller runs it in a thread.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fallbackrouter.clock import Clock
from fallbackrouter.store.damage import Identity, identity
from fallbackrouter.store.disk import Flusher, disk_free_bytes
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.retention import Retention, room
from fallbackrouter.store.steps import RESTART_PAGES, Steps, begin_anew, checkpoint, connect
from fallbackrouter.store.veiling import Veiling

STAYS_FREE_BYTES = 33_554_432
"""Room that was freed and is kept for new rows; what is more goes back to the disk."""
_YOUNG = timedelta(days=1)
_ROOM_SLACK = 0.95
"""Where the journal is too large, it is brought below its bound by this much, so that not each row is a step."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept, and for how long.

    Attributes:
        keep: older rows go; None: whatever their age.
        max_bytes: of the journal's file; None: no bound.
        hide_after: numbers are hidden in what is older; None: never.
        min_free_bytes: of the journal's disk.
    """

    keep: timedelta | None
    max_bytes: int | None
    hide_after: timedelta | None
    min_free_bytes: int


class Upkeep:
    """The upkeep of one journal.

    Args:
        veiling: made when the first row is to be hidden, as it may need a secret that has to be read.
        free_bytes: how much room a folder's disk has left.

    Attributes:
        disk_free_bytes: how much room was left when it was looked at last; None before the first time.
    """

    def __init__(
        self,
        path: Path,
        bounds: Bounds,
        clock: Clock,
        *,
        veiling: Callable[[Steps], Veiling],
        free_bytes: Callable[[Path], int] | None = None,
    ) -> None:
        self._path = path
        self._bounds = bounds
        self._clock = clock
        self._make_veiling = veiling
        self._free_bytes = free_bytes or disk_free_bytes
        self._steps = {kind: Steps(clock) for kind in ("delete", "vacuum", "hide")}
        self._retention = Retention(self._steps["delete"], self._steps["vacuum"])
        self._veiling: Veiling | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._shrinking = False
        self._log_pages = 0
        self._flusher = Flusher()
        self.disk_free_bytes: int | None = None

    def carry_over(self) -> int:
        """Carry the write-ahead log into the journal where it has grown, so that hardly a commit has to.

        Returns:
            How many pages came to it since the last time; 0 where it is small.

        Raises:
            StoreError: the disk is in the way.
        """
        with self._told():
            connection = self._open()
            pages = 0 if connection is None else checkpoint(self._path, connection)
            if connection is not None and pages >= RESTART_PAGES:
                self._flusher.flush(self._path)
                begin_anew(connection)
        before, self._log_pages = self._log_pages, pages
        return pages - before if pages >= before else pages  # a log that was carried over whole is begun anew

    def step(self) -> bool:
        """Do the most urgent small thing; False: there is nothing to do.

        Raises:
            StoreError: the disk or another writer was in the way; nothing was changed.
        """
        with self._told():
            connection = self._open()
            if connection is None:
                return False
            return self._make_room(connection) or self._age(connection) or self._give_back(connection)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise refusal(self._path, error) from None

    def _make_room(self, connection: sqlite3.Connection) -> bool:
        """Delete by size: where the disk runs full, or the journal is past its bound."""
        young_ms = to_ms(self._clock.now_at() - _YOUNG)
        self.disk_free_bytes = free_bytes = self._free_bytes(self._path.parent)
        if free_bytes < self._bounds.min_free_bytes:
            if self._retention.give_back(connection, 0):
                checkpoint(self._path, connection, 0)  # the file shrinks only here
                return True
            return self._retention.oldest(connection, young_ms, young_ms) > 0
        return self._too_large(connection) and self._retention.oldest(connection, young_ms) > 0

    def _too_large(self, connection: sqlite3.Connection) -> bool:
        if self._bounds.max_bytes is None:
            return False
        share = _ROOM_SLACK if self._shrinking else 1.0
        self._shrinking = room(connection).used_bytes > self._bounds.max_bytes * share
        return self._shrinking

    def _age(self, connection: sqlite3.Connection) -> bool:
        now, bounds = self._clock.now_at(), self._bounds
        if bounds.keep is not None and self._retention.older_than(connection, to_ms(now - bounds.keep)):
            return True
        if bounds.hide_after is None:
            return False
        if self._veiling is None:
            self._veiling = self._make_veiling(self._steps["hide"])
        return self._veiling.older_than(connection, to_ms(now - bounds.hide_after)) > 0

    def _give_back(self, connection: sqlite3.Connection) -> bool:
        return self._retention.give_back(connection, STAYS_FREE_BYTES)

    def close(self) -> None:
        """Let the journal go; it is opened again when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection | None:
        """Return the journal that lies there now, None where there is none: upkeep never makes one."""
        found = identity(self._path)
        if found != self._identity:
            self.close()
        self._identity = found
        if found is not None and self._connection is None:
            self._connection = connect(self._path)
        return self._connection

    @property
    def longest_ms(self) -> float:
        """The longest that a step held the write lock."""
        return max(steps.longest_ms for steps in self._steps.values())

    @property
    def latest_ms(self) -> float:
        """How long the latest steps held it, of each kind the last."""
        return max(steps.latest_ms for steps in self._steps.values())

    def facts(self) -> dict[str, object]:
        """Return what was done since the start."""
        return {
            "deleted": dict(self._retention.deleted),
            "hidden": self._veiling.hidden if self._veiling else 0,
            "steps": sum(steps.count for steps in self._steps.values()),
            "longest_ms": round(self.longest_ms, 1),
        }
