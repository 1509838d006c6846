"""The calls that began and of which nobody has reported an end.

Its rules: a call is known by every id that its beginnings carried, the channel's own and the linked one, and by any of
them it ends; as long as the exchange has a channel with one of them it lives, also where it was handed on; past
MAX_OPEN the oldest is forgotten, and counted.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from fallbackrouter.store.event_log import StoredEvent

MAX_OPEN = 100_000


@dataclass(slots=True, eq=False)
class OpenCall:
    """A call that began.

    Attributes:
        began: the first event that said so.
        ids: all that it is known by.
        gone_since_s: monotonic; since when the exchange has not known it; None: it lives, or nobody has looked.
        told: its end is on its way into the journal.
    """

    began: StoredEvent
    ids: set[str] = field(default_factory=set)
    gone_since_s: float | None = None
    told: bool = False


class OpenCalls:
    """Follows beginnings and ends.

    Args:
        start: the stage that begins a call.
        ends: those that end one.

    Attributes:
        forgotten: how many were dropped, as there were too many.
    """

    def __init__(self, start: str, ends: Collection[str], most: int = MAX_OPEN) -> None:
        self._start = start
        self._ends = frozenset(ends)
        self._most = most
        self._calls: dict[OpenCall, None] = {}
        self._by_id: dict[str, OpenCall] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._calls)

    def take(self, event: StoredEvent, not_before: datetime) -> None:
        """Take the next event.

        Args:
            not_before: what began earlier is nobody's to end any more.
        """
        ids = {event.call_id, event.linked_id} - {""}
        if event.test or not ids:
            return
        if event.stage in self._ends:
            for call in {call for call in map(self._by_id.get, ids) if call is not None}:
                self._drop(call)
        elif event.stage == self._start and event.at >= not_before:
            self._begin(event, ids)

    def _begin(self, event: StoredEvent, ids: set[str]) -> None:
        call = next((self._by_id[one] for one in sorted(ids) if one in self._by_id), None)
        if call is None:
            call = OpenCall(event)
            self._calls[call] = None
        for one in ids - self._by_id.keys():
            self._by_id[one] = call
            call.ids.add(one)
        if len(self._calls) > self._most:
            self._drop(next(iter(self._calls)))
            self.forgotten += 1

    def _drop(self, call: OpenCall) -> None:
        del self._calls[call]
        for one in call.ids:
            del self._by_id[one]

    def gone(self, alive: Collection[str], now_s: float, grace_s: float) -> list[OpenCall]:
        """Return the calls that the exchange has not known for so long, and whose end is not on its way.

        Args:
            alive: the ids, own and linked, of all channels that live now.
        """
        for call in self._calls:
            if not call.ids.isdisjoint(alive):
                call.gone_since_s = None
            elif call.gone_since_s is None:
                call.gone_since_s = now_s
        return [
            call
            for call in self._calls
            if not call.told and call.gone_since_s is not None and now_s - call.gone_since_s >= grace_s
        ]
