"""Which incidents are worth telling people: a plain state machine that knows when a part has begun to flap.

Its rules:

- a part's trouble is told when it begins and when it ends; steps between the two are not;
- a part whose trouble begins `FLAPS` times within `WINDOW_S` flaps: that is told once, with the count, and nothing
  more of this part until it has been calm for `calm_s`; then how it stands, and how often it had changed;
- moments are those of the incidents, so that replaying what is on record comes to the same.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

FLAPS = 3
WINDOW_S = 600.0

_ENDS = {
    "crm breaker": ("closed",),
    "events breaker": ("closed",),
    "routes feed": ("ok",),
    "rule files": ("good",),
    "asterisk": ("connected",),
    "drill": ("ended",),
}
"""Part -> the states in which its trouble is over; other parts' are those of `_USUAL_ENDS`."""
_USUAL_ENDS = ("ready", "ok", "off")
_WORST = "failing"
_STEPS = ("half open",)
"""How states begin that are on the way from one to the other."""
_NOTES = ("too large",)
"""States that are told and have no end."""


class Kind(StrEnum):
    """What an alert tells."""

    BEGINS = "begins"
    ENDS = "ends"
    FLAPS = "flaps"
    CALM = "calm"
    NOTE = "note"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Incident:
    """A change of state of a part, as it is on record.

    Attributes:
        number: grows with each.
        at: UTC.
    """

    number: int
    at: datetime
    part: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell people.

    Attributes:
        state: of the part.
        count: how often its trouble began, where it flaps.
        alert_id: the same for the same alert, also after a restart.
    """

    kind: Kind
    part: str
    state: str
    reason: str
    at: datetime
    alert_id: str
    count: int = 1

    @property
    def text(self) -> str:
        """One line for people."""
        why = f": {self.reason}" if self.reason else ""
        match self.kind:
            case Kind.ENDS:
                return f"{self.part} is well again ({self.state}){why}"
            case Kind.FLAPS:
                return f"{self.part} flaps, {self.count} times so far; no more is told until it is calm{why}"
            case Kind.CALM:
                return f"{self.part} is calm after {self.count} times of trouble, and is {self.state}{why}"
            case Kind.DAILY:
                return self.reason
        return f"{self.part} is {self.state}{why}"


@dataclass(slots=True)
class _Memory:
    begun: deque[datetime] = field(default_factory=deque)
    latest: Incident | None = None
    troubled: bool = False
    flapping: bool = False
    count: int = 0


class Alerting:
    """Turns incidents into alerts.

    Args:
        calm_s: how long a part that flapped has to stay as it is before it is spoken of again.
    """

    def __init__(self, calm_s: float) -> None:
        self._calm = timedelta(seconds=calm_s)
        self._parts: dict[str, _Memory] = {}

    def take(self, incident: Incident) -> list[Alert]:
        """Take the next incident, and return what is to be told of it."""
        memory = self._parts.setdefault(incident.part, _Memory())
        calmed = [alert] if (alert := self._calmed(memory, incident.at)) else []
        return calmed + self._told(memory, incident)

    def _told(self, memory: _Memory, incident: Incident) -> list[Alert]:
        if incident.state.startswith(_STEPS):
            return []
        if incident.state in _NOTES:
            return [_alert(Kind.NOTE, incident)]
        memory.latest = incident
        if incident.state in _ENDS.get(incident.part, _USUAL_ENDS):
            was, memory.troubled = memory.troubled, False
            return [_alert(Kind.ENDS, incident)] if was and not memory.flapping else []
        return self._begins(memory, incident)

    def _begins(self, memory: _Memory, incident: Incident) -> list[Alert]:
        again, memory.troubled = memory.troubled, True
        if again:  # one trouble, in another state: told where it has become worse
            return [_alert(Kind.BEGINS, incident)] if incident.state == _WORST and not memory.flapping else []
        memory.begun.append(incident.at)
        while memory.begun[0] < incident.at - timedelta(seconds=WINDOW_S):
            memory.begun.popleft()
        if memory.flapping:
            memory.count += 1
            return []
        if len(memory.begun) >= FLAPS:
            memory.flapping, memory.count = True, len(memory.begun)
            return [_alert(Kind.FLAPS, incident, memory.count)]
        return [_alert(Kind.BEGINS, incident)]

    def look(self, at: datetime) -> Iterator[Alert]:
        """Yield the alerts that are due as time has passed."""
        for memory in self._parts.values():
            if alert := self._calmed(memory, at):
                yield alert

    def _calmed(self, memory: _Memory, at: datetime) -> Alert | None:
        latest = memory.latest
        if not memory.flapping or latest is None or at - latest.at < self._calm:
            return None
        alert = _alert(Kind.CALM, latest, memory.count)
        memory.flapping, memory.count = False, 0
        memory.begun.clear()
        return alert


def _alert(kind: Kind, incident: Incident, count: int = 1) -> Alert:
    alert_id = f"{incident.number}-{kind}"
    return Alert(kind, incident.part, incident.state, incident.reason, incident.at, alert_id, count)
