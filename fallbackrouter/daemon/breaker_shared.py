"""What the parent knows of the live CRM's breaker: the call workers share it through here.

Its rules:

- of two states the one with the larger version counts (core.breaker); the latest is told to every other call worker,
  and to each new one, whose own would else be older than what the others know;
- one worker leads, and probes: where the last change happened; another is named when that one is gone or hangs.

The word is `breaker`, both ways: `version` [times opened, level]; `state`, `share` and `reason`; down also `leads`.
"""

from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.child import Child

CLOSED = "closed"


class SharedBreaker:
    """The breaker of one CRM among the workers that ask it.

    Args:
        crm: the CRM's scheme and host, "" without one.
    """

    def __init__(self, crm: str) -> None:
        self.crm = crm
        self._last: Message | None = None
        self._leader: Child | None = None
        self._members: set[Child] = set()

    def admit(self, child: Child) -> None:
        """Take a new worker in, and tell it what is known."""
        self._members.add(child)
        child.over.add_done_callback(lambda _: self._members.discard(child))
        self._tell(child)

    def heard(self, child: Child, word: Message) -> None:
        """Take a change that happened in a worker; one that is older than what is known is put right."""
        if self._last is None or list(word["version"]) > list(self._last["version"]):
            self._last, self._leader = {**word, "do": "breaker"}, child
            for member in self._members - {child}:
                self._tell(member)
        else:
            self._tell(child)

    def _tell(self, child: Child) -> None:
        if self._last is not None:
            child.tell({**self._last, "leads": child is self._leader})

    def look(self, serving: list[Child]) -> None:
        """Name another leader where the present one is gone or hangs.

        Args:
            serving: the workers that serve and were heard lately.
        """
        if self._last is None or self._last["state"] == CLOSED or self._leader in serving or not serving:
            return
        former, self._leader = self._leader, serving[0]
        for child in (former, self._leader):
            if child is not None and not child.over.done():
                self._tell(child)

    def status(self) -> Message | None:
        """Return state, share and reason for people; None without a CRM."""
        if not self.crm:
            return None
        last = self._last or {"state": CLOSED, "share": 1.0, "reason": "nothing has failed yet"}
        return {name: last[name] for name in ("state", "share", "reason")}
