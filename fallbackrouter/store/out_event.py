"""What the outbox gives out and gets back, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from fallbackrouter.store.moments import from_ms
from fallbackrouter.store.outbox_sql import OUT_COLUMNS

Key = tuple[str, str]
"""The call of an event: node and call_key."""


@dataclass(frozen=True, slots=True)
class OutEvent:
    """An event to be told to the CRM.

    Attributes:
        at: when it was reported, UTC.
        call_key: the call that it belongs to, with `node`.
        seq: its place in its call, from 1.
        decision_id: its call's decision, "" where none is known.
        details: what else was told: line, context, channel, `extra` (the dialplan's own), notes, and facts of ours.
        attempts: how often it was tried, this try included.
        missing_since: when the CRM first said that it knows no such call, None where it has not.
    """

    event_id: str
    at: datetime
    node: str
    call_id: str
    linked_id: str
    call_key: str
    seq: int
    stage: str
    did: str
    caller: str
    decision_id: str
    details: Mapping[str, object]
    test: bool
    attempts: int
    missing_since: datetime | None

    @property
    def key(self) -> Key:
        """The call that it belongs to."""
        return self.node, self.call_key


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a try.

    Attributes:
        state: pending (to be tried again), delivered, refused or dead.
        words: what the CRM said, or why there was no answer.
        at: when, UTC.
        due_at: when a pending one is tried again; None: as was kept when it was given out.
        missing_since: see OutEvent; None forgets it.
    """

    event_id: str
    state: str
    words: str
    at: datetime
    due_at: datetime | None = None
    missing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait, the oldest of them, and how many were given up."""

    pending: int
    oldest_at: datetime | None
    refused: int
    dead: int


def event_of(row: Sequence[Any]) -> OutEvent:
    """Return what a row tells; a try more is counted, as it is about to begin."""
    facts = dict(zip(OUT_COLUMNS, row, strict=True))
    missing_ms = facts["missing_since"]
    changed = {
        "at": from_ms(facts["at"]),
        "details": _details(facts["details"]),
        "test": bool(facts["test"]),
        "attempts": facts["attempts"] + 1,
        "missing_since": None if missing_ms is None else from_ms(missing_ms),
    }
    return OutEvent(**(facts | changed))


def _details(text: str) -> Mapping[str, object]:
    try:
        details = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return details if isinstance(details, dict) else {}
