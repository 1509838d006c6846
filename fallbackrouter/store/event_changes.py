"""What an admin may do to events: try those again that were given up, and give up those that need not be told.

Its rules: an event is never deleted here; what is in hand meanwhile is settled only if it still waits (see
`outbox.settle`); many events are changed a few at a time, so that no call worker waits for the journal.

Plain sqlite3, blocking.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import MissingError
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.opened import opened
from fallbackrouter.store.outbox_sql import WAKE, with_try

GIVEN_UP = ("dead", "refused")
"""The states from which an event may be tried again."""
OPEN = ("pending", "dead", "refused")
"""The states in which an event may be dropped."""
_AT_ONCE = 250

_RETRY = f"""UPDATE events SET state = 'pending', attempts = 0, due_at = ?, missing_since = NULL, ended_at = NULL,
    tries = {with_try("max(0, ended_at - tried_at)", "answer")}
    WHERE event_id = ? AND state IN ('dead', 'refused')"""  # noqa: S608 - our own names
_DROP = """UPDATE events SET state = 'dropped', ended_at = ? WHERE event_id = ?
    AND state IN ('pending', 'dead', 'refused')"""
BY_STATE = """SELECT event_id FROM events INDEXED BY events_by_state WHERE state = ? AND event_id > ?
    ORDER BY event_id LIMIT ?"""
BY_CALL = """SELECT event_id FROM events INDEXED BY events_by_call WHERE call_key = ?
    UNION SELECT event_id FROM events INDEXED BY events_by_channel WHERE call_id = ? AND call_id <> call_key"""

_STATE = "SELECT state FROM events WHERE event_id = ?"

Change = Callable[[Path, Sequence[str], datetime], int]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which events are meant: all that is said of them has to be so.

    Attributes:
        event_ids: these; (): any.
        states: in one of these states.
        call: of this call, by its linked id or the id of one of its channels; "": of any.
    """

    event_ids: tuple[str, ...]
    states: tuple[str, ...]
    call: str = ""


def retry_events(path: Path, event_ids: Sequence[str], at: datetime) -> int:
    """Have events tried again from the beginning, at once; return how many were dead or refused.

    Raises:
        StoreError: there is no journal, or it cannot be used; those of earlier hundreds are changed.
    """
    return _change(path, event_ids, lambda connection, event_id: _retried(connection, event_id, to_ms(at)))


def drop_events(path: Path, event_ids: Sequence[str], at: datetime) -> int:
    """Give up events for good; return how many were pending, dead or refused. Raises as `retry_events` does."""
    return _change(path, event_ids, lambda connection, event_id: _dropped(connection, event_id, to_ms(at)))


def change_chosen(path: Path, chosen: Chosen, change: Change, at: datetime) -> int:
    """Change all events that are chosen, and return how many; what comes to be so meanwhile is left alone.

    Raises:
        MissingError: one of the ids is none.
        StoreError: as `retry_events`.
    """
    if chosen.event_ids or chosen.call:
        return change(path, _chosen_ids(path, chosen), at)
    with opened(path) as connection:
        (newest,) = connection.execute("SELECT max(event_id) FROM events").fetchone()
    return sum(_change_state(path, state, newest or "", change, at) for state in chosen.states)


def _chosen_ids(path: Path, chosen: Chosen) -> list[str]:
    """Return the events that are meant, in order; those in another state are left out."""
    with opened(path) as connection:
        states = {event_id: connection.execute(_STATE, (event_id,)).fetchone() for event_id in chosen.event_ids}
        for event_id, found in states.items():
            if found is None:
                raise MissingError(f"there is no event {event_id}; `fallbackrouter events list` shows the newest")
        of_call = {event_id for (event_id,) in connection.execute(BY_CALL, (chosen.call, chosen.call))}
        for event_id in of_call if chosen.call and not chosen.event_ids else ():
            states[event_id] = connection.execute(_STATE, (event_id,)).fetchone()
    return sorted(
        event_id
        for event_id, (state,) in states.items()
        if state in chosen.states and (not chosen.call or event_id in of_call)
    )


def _change_state(path: Path, state: str, newest: str, change: Change, at: datetime) -> int:
    changed, last = 0, ""
    while last < newest:
        with opened(path) as connection:
            found = [event_id for (event_id,) in connection.execute(BY_STATE, (state, last, _AT_ONCE))]
        chosen = [event_id for event_id in found if event_id <= newest]
        changed += change(path, chosen, at)
        if len(chosen) < _AT_ONCE:
            break
        last = chosen[-1]
    return changed


def _change(path: Path, event_ids: Sequence[str], step: Callable[[sqlite3.Connection, str], int]) -> int:
    changed = 0
    for start in range(0, len(event_ids), _AT_ONCE):
        with opened(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            changed += sum(step(connection, event_id) for event_id in event_ids[start : start + _AT_ONCE])
    return changed


def _retried(connection: sqlite3.Connection, event_id: str, at_ms: int) -> int:
    return connection.execute(_RETRY, (at_ms, event_id)).rowcount


def _dropped(connection: sqlite3.Connection, event_id: str, at_ms: int) -> int:
    dropped = connection.execute(_DROP, (at_ms, event_id)).rowcount
    if dropped:
        connection.execute(WAKE, (at_ms, event_id))
    return dropped
