"""The queue of calls that the CRM has made: asked for once, sent at most once, told to the CRM when they have ended.

Its rules:

- the same id of the same owner is the same call, however often it is asked for;
- that a call is about to be sent is committed before it is sent, so a crash leaves `sending`, which is never sent
  again by itself: whether it was made is for the exchange to say;
- a call changes only from the state that the change was made for: what an admin cancelled stays so;
- a call's end and the event that tells the CRM of it are one transaction.

Plain sqlite3, blocking, for one thread at a time; never in an event loop.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fallbackrouter.core.decision import Event
from fallbackrouter.core.errors import MissingError, StoreError
from fallbackrouter.core.outcall import ENDS, OPEN, OutCall, State
from fallbackrouter.store import statements
from fallbackrouter.store.call_rows import (
    ASKED_SINCE,
    CHANGE,
    COUNT,
    IN_STATE,
    INSERT,
    NEWEST,
    NEWEST_IN,
    ONE,
    OVERDUE,
    SAME,
    call_of,
    changes_of,
    row_of,
)
from fallbackrouter.store.kept import BUSY_MS, KeptJournal
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.rows import event_row

MINUTE = timedelta(minutes=1)
AT_ONCE = 250
"""The most calls that one transaction changes, as call workers write to the same file."""
TOO_LATE = "it could not be made in time"
_MANY = 1_000_000
TellEnd = Callable[[OutCall], Event | None]
"""The event by which the CRM is told of a call that has ended; None: it is not told."""


class TooManyError(StoreError):
    """A call that is not taken now: its owner asked for too many, or too many wait."""


class OtherCallError(StoreError):
    """The CRM's id is that of another call."""


class NotWaitingError(StoreError):
    """A call that is under way or has ended cannot be cancelled."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many calls wait, and how many are under way."""

    waiting: int
    open: int


class CallQueue(KeptJournal):
    """The calls of journal.db.

    Every method raises StoreError where the journal is missing, locked, full or broken; nothing was changed then, and
    the same may be tried again.

    Args:
        tell_end: makes the event of a call that has ended.
    """

    def __init__(self, path: Path, tell_end: TellEnd, *, busy_ms: int = BUSY_MS) -> None:
        super().__init__(path, busy_ms=busy_ms)
        self._tell_end = tell_end

    def ask(self, call: OutCall, *, max_per_minute: int, max_waiting: int) -> tuple[OutCall, bool]:
        """Take a call, and tell whether it is new; else the one that was taken before is returned as it is now.

        Raises:
            TooManyError: it is not taken, as there are too many.
            OtherCallError: another call has the CRM's id.
        """
        with self.transaction("BEGIN IMMEDIATE") as connection:
            known = connection.execute(SAME, (call.owner, call.crm_id)).fetchone() if call.crm_id else None
            if known is not None:
                return _same(call_of(known), call), False
            _refuse_too_many(connection, call, max_per_minute, max_waiting)
            connection.execute(INSERT, row_of(call))
        return call, True

    def take(self, now: datetime, limit: int) -> tuple[list[OutCall], int]:
        """Return calls to be sent now, the oldest first, each noted as being sent; and how many ended as too late."""
        with self.transaction("BEGIN IMMEDIATE") as connection:
            late = connection.execute(OVERDUE, (to_ms(now), AT_ONCE)).fetchall()
            for row in late:
                self._write(connection, call_of(row), call_of(row).moved(State.EXPIRED, now, reason=TOO_LATE))
            taken = []
            for row in connection.execute(IN_STATE, (str(State.WAITING), max(0, min(limit, AT_ONCE)))).fetchall():
                call = call_of(row)
                if call.not_after >= now:
                    taken.append(self._write(connection, call, call.moved(State.SENDING, now)))
        return taken, len(late)

    def change(self, call: OutCall, changed: OutCall) -> bool:
        """Keep what a call has come to; False: it was no more in the state that it was read in, and stays so.

        Args:
            call: as it was last read or kept.
            changed: `call.moved(…)`.
        """
        with self.transaction("BEGIN IMMEDIATE") as connection:
            found = connection.execute(ONE, (call.out_id,)).fetchone()
            if found is None or call_of(found).state is not call.state:
                return False
            self._write(connection, call, changed)
        return True

    def cancel(self, out_id: str, now: datetime, reason: str) -> OutCall:
        """Have a call that waits not be made.

        Raises:
            MissingError: there is no such call.
            NotWaitingError: it waits no more.
        """
        call = self.one(out_id)
        if call is None:
            raise MissingError(f"there is no call {out_id}; `fallbackrouter calls list` shows the newest")
        if call.state is State.CANCELLED:
            return call
        if call.state is State.WAITING:
            changed = call.moved(State.CANCELLED, now, reason=reason)
            if self.change(call, changed):
                return changed
        raise NotWaitingError(f"the call {out_id} waits no more, see `fallbackrouter calls show {out_id}`")

    def one(self, out_id: str) -> OutCall | None:
        """Return a call, None where there is none."""
        with self.transaction("BEGIN") as connection:
            row = connection.execute(ONE, (out_id,)).fetchone()
        return call_of(row) if row else None

    def newest(self, limit: int, state: str = "") -> list[OutCall]:
        """Return calls, newest first; of those in one state, or all."""
        with self.transaction("BEGIN") as connection:
            asked = (NEWEST_IN, (state, limit)) if state else (NEWEST, (limit,))
            return [call_of(row) for row in connection.execute(*asked).fetchall()]

    def open(self) -> list[OutCall]:
        """Return the calls that were given to the exchange, or perhaps so, and have not ended, oldest first."""
        with self.transaction("BEGIN") as connection:
            rows = [row for state in OPEN for row in connection.execute(IN_STATE, (str(state), _MANY)).fetchall()]
        return sorted(map(call_of, rows), key=lambda call: call.out_id)

    def counts(self) -> Counts:
        """Count what has not ended."""
        with self.transaction("BEGIN") as connection:
            waiting, *others = (_count(connection, state) for state in (State.WAITING, *OPEN))
        return Counts(waiting, sum(others))

    def _write(self, connection: sqlite3.Connection, call: OutCall, changed: OutCall) -> OutCall:
        connection.execute(CHANGE, (*changes_of(changed), call.out_id, str(call.state)))
        event = self._tell_end(changed) if changed.state in ENDS else None
        if event is not None:
            connection.execute(statements.events(1), (0, *event_row(event)))
        return changed


def _same(known: OutCall, call: OutCall) -> OutCall:
    if known.wanted != call.wanted:
        raise OtherCallError(
            f"the id {call.crm_id} is that of another call ({known.out_id}); give each call an id of its own"
        )
    return known


def _refuse_too_many(connection: sqlite3.Connection, call: OutCall, max_per_minute: int, max_waiting: int) -> None:
    (asked,) = connection.execute(ASKED_SINCE, (call.owner, to_ms(call.at - MINUTE))).fetchone()
    if asked >= max_per_minute:
        raise TooManyError(
            f"{call.owner} asked for {asked} calls within a minute, more than calls.max_per_minute; try again later"
        )
    if _count(connection, State.WAITING) >= max_waiting:
        raise TooManyError(f"{max_waiting} calls wait already (calls.max_waiting); try again later")


def _count(connection: sqlite3.Connection, state: State) -> int:
    (count,) = connection.execute(COUNT, (str(state),)).fetchone()
    return int(count)
