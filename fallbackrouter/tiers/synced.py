"""The tier `synced`: the route table that the CRM fed us, held in memory."""

from datetime import datetime
from math import inf
from typing import Protocol

from fallbackrouter.core.call import Call
from fallbackrouter.core.route import Refused
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Verdict

_OLD = "the routes are old: the feed said nothing for longer than sync.stale_after_s"
_NEVER_SYNCED = Miss("no routes were synced")


class RouteTable(Protocol):
    """A copy of the fed routes that answers at once."""

    @property
    def synced_at(self) -> datetime | None:
        """When the CRM fed it, UTC; None where it never did."""
        ...

    @property
    def count(self) -> int:
        """How many rows it holds."""
        ...

    def first(self, call: Call, at: datetime) -> Rule | Refused | None:
        """Return the row that wins, why it may not reach a dialplan, or None where no row is for this call."""
        ...


class SyncedTier:
    """Answers from the newest copy, which may be replaced at any moment between two calls.

    Args:
        stale_after_s: older routes are used all the same, and the trail says that they are old.
    """

    def __init__(self, table: RouteTable | None = None, *, stale_after_s: float = inf) -> None:
        self._table = table
        self._stale_after_s = stale_after_s

    def swap(self, table: RouteTable) -> RouteTable | None:
        """Answer from another copy from the next call on; returns the former one."""
        former, self._table = self._table, table
        return former

    def ask(self, call: Call, at: datetime) -> Verdict:
        """Return the winning row's route, with the table's age."""
        if self._table is None or not self._table.count:
            return _NEVER_SYNCED
        found = self._table.first(call, at)
        if found is None:
            return Miss()
        if isinstance(found, Refused):
            return Invalid(found.reason)
        synced_at = self._table.synced_at
        age_s = None if synced_at is None else max(0.0, (at - synced_at).total_seconds())
        old = age_s is not None and age_s > self._stale_after_s
        return Hit(found.route, rule=found.name, age_s=age_s, notes=(_OLD,) if old else ())
