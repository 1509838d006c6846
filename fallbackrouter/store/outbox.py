"""The outbox: gives out the events that are due, in order within a call, and keeps what became of each try.

Its rules:

- only the first pending event of a call is given out, and a call that is in hand gives out none;
- a try and its next due time are committed before the event is given out, so a crash at any moment costs at most a
  second try, and never an event;
- the cost does not grow with the backlog: an event that is found due behind another one of its call is put off, and
  is woken by the settling of the one before it. That it is put off and not put away heals whatever went another way;
- only what is pending is settled: what an admin dropped or retried meanwhile stays so;
- no transaction touches more than a few hundred rows, as call workers write to the same file.

Plain sqlite3, blocking, for one thread at a time; never in an event loop.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from fallbackrouter.store.kept import BUSY_MS, KeptJournal
from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.out_event import Backlog, Key, OutEvent, Settled, event_of
from fallbackrouter.store.outbox_sql import (
    BACKLOG,
    DUE,
    FIRST,
    HASTEN,
    NEXT_DUE,
    OLDEST,
    PUT_OFF,
    SETTLE,
    TRY,
    WAKE,
)
from fallbackrouter.store.rows import PENDING, spelled_out

__all__ = ["Backlog", "Key", "OutEvent", "Outbox", "Settled"]

DEAD = "dead"
"""The state of an event that was given up."""
MAX_WORDS = 500
"""The most characters kept of what was said to a try."""
IN_HAND_MS = 1_000
"""When the first event of a call in hand is looked at again."""
BEHIND_MS = 3_600_000
"""How long after the first event of its call one behind it is looked at, unless that one is settled before."""
_MOST_LOOKED_AT = 512

NextDue = Callable[[OutEvent], datetime]


class Outbox(KeptJournal):
    """The events of journal.db, as their delivery uses them.

    Every method raises StoreError where the journal is missing, locked, full or broken; nothing was changed then, and
    the same may be tried again.
    """

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        super().__init__(path, busy_ms=busy_ms)
        self._counted: tuple[tuple[int, int], Backlog] | None = None

    def take(self, now: datetime, limit: int, *, busy: Collection[Key], next_due: NextDue) -> list[OutEvent]:
        """Return events that are due, at most one of a call, the longest due first; each is noted as tried.

        Args:
            now: UTC.
            busy: the calls in hand: nothing of theirs is returned.
            next_due: when an event is tried again if nothing is heard of the try that begins now.
        """
        soonest = self.next_due()
        if limit < 1 or soonest is None or soonest > now:
            return []
        with self.transaction("BEGIN IMMEDIATE") as connection:
            return _take(connection, to_ms(now), limit, busy, next_due)

    def settle(self, settled: Sequence[Settled]) -> None:
        """Keep what became of tries, all or none; the next event of a call whose first one is done is due at once."""
        if not settled:
            return
        with self.transaction("BEGIN IMMEDIATE") as connection:
            for one in settled:
                _settle(connection, one)

    def expire(
        self, before: datetime, at: datetime, words: str, limit: int, overdue_since: datetime | None = None
    ) -> int:
        """Give up pending events that are older, the oldest first, at most so many; return how many.

        Args:
            overdue_since: those that became due only later are left alone; None: whenever they are due.
        """
        with self.transaction("BEGIN IMMEDIATE") as connection:
            oldest = connection.execute(OLDEST, (limit,)).fetchall()
            due = oldest if overdue_since is None else [row for row in oldest if row[2] <= to_ms(overdue_since)]
            ended = [event_id for event_id, at_ms, _ in due if at_ms < to_ms(before)]
            for event_id in ended:
                _settle(connection, Settled(event_id, DEAD, words, at))
        return len(ended)

    def hasten(self, later_than: datetime, at: datetime, limit: int) -> int:
        """Make pending events due that would be so only later than a moment, at most so many; return how many."""
        with self.transaction("BEGIN IMMEDIATE") as connection:
            return connection.execute(HASTEN, (to_ms(at), to_ms(later_than), limit)).rowcount

    def next_due(self) -> datetime | None:
        """Return when the next event is due, None where none waits; a call in hand may be among those counted."""
        with self.transaction("BEGIN") as connection:
            found = connection.execute(NEXT_DUE).fetchone()
        return from_ms(found[0]) if found else None

    def backlog(self) -> Backlog:
        """Count; reads the indexes of what waits and was given up (30 ms a million), and only after a change."""
        with self.transaction("BEGIN") as connection:
            changed = (connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes)
            if self._counted is None or self._counted[0] != changed:
                pending, oldest, refused, dead = connection.execute(BACKLOG).fetchone()
                backlog = Backlog(pending, None if oldest is None else from_ms(oldest), refused, dead)
                self._counted = (changed, backlog)
        return self._counted[1]

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._counted = None
        super().close()


def _take(
    connection: sqlite3.Connection, now_ms: int, limit: int, busy: Collection[Key], next_due: NextDue
) -> list[OutEvent]:
    taken: list[OutEvent] = []
    for row in connection.execute(DUE, (now_ms, min(2 * limit + 64, _MOST_LOOKED_AT))).fetchall():
        event = event_of(row)
        first, first_due = connection.execute(FIRST, (event.call_key, event.node)).fetchone()
        if event.event_id != first:
            connection.execute(PUT_OFF, (max(now_ms, first_due or 0) + BEHIND_MS, event.event_id))
        elif event.key in busy:
            connection.execute(PUT_OFF, (now_ms + IN_HAND_MS, event.event_id))
        else:
            connection.execute(TRY, (now_ms, to_ms(next_due(event)), event.event_id))
            taken.append(event)
            if len(taken) == limit:
                break
    return taken


def _settle(connection: sqlite3.Connection, one: Settled) -> None:
    at_ms = to_ms(one.at)
    words = spelled_out(one.words[:MAX_WORDS])
    moments = (one.missing_since and to_ms(one.missing_since), one.due_at and to_ms(one.due_at), at_ms)
    changed = connection.execute(SETTLE, (str(one.state), words, *moments, one.event_id)).rowcount
    if changed and one.state != PENDING:
        connection.execute(WAKE, (at_ms, one.event_id))
