"""Which decision a call got last, for as many calls as fit: so an event can name it without a look at a disk."""

from fallbackrouter.core.call import Call

MAX_CALLS = 10_000
"""About 3 MB; calls that began longer ago than so many others are found by the journal."""


class Decided:
    """The latest decisions by the ids of their calls; the oldest falls out."""

    def __init__(self, max_calls: int = MAX_CALLS) -> None:
        self._max_calls = max_calls
        self._by_call: dict[str, str] = {}

    def keep(self, call: Call, decision_id: str) -> None:
        """Note the decision of a call, in place of an earlier one."""
        self._keep(call.call_id, decision_id)
        if call.linked_id != call.call_id:
            self._keep(call.linked_id, decision_id)
        while len(self._by_call) > self._max_calls:
            del self._by_call[next(iter(self._by_call))]

    def _keep(self, name: str, decision_id: str) -> None:
        if name:
            self._by_call.pop(name, None)
            self._by_call[name] = decision_id

    def of(self, call: Call) -> str:
        """Return the decision of the channel, else of the call that it belongs to; "" where neither is known."""
        return self._by_call.get(call.call_id) or self._by_call.get(call.linked_id) or ""
