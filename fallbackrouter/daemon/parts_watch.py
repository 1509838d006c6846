"""Since when each part is as it is, and what was wrong with it last; and an incident where no one else tells of one.

Its rules: a state counts from when it was first seen; it is put on record once it has lasted for `LASTS_S`, so that a
blip is none; *unknown* changes nothing, as it says something of us and not of the part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fallbackrouter.clock import Clock
from fallbackrouter.control.lines import Message
from fallbackrouter.control.parts import OFF, OK, UNKNOWN, Part, parts_of

LOOK_S = 1.0
LASTS_S = 5.0
OURS = ("dns", "journal", "outbox", "disk", "dialplan", "calls", "prompts")
"""The parts whose changes nobody else puts on record."""

_WELL = (OK, OFF)


@dataclass(slots=True)
class _Seen:
    part: Part
    since_at: datetime
    since_s: float
    told: str = OK
    error: str = ""
    error_at: datetime | None = None


class PartsWatch:
    """Looks at the parts from time to time.

    Args:
        status: returns what the control socket's `status` tells of the children.
        on_incident: part, state, reason.
    """

    def __init__(
        self, status: Callable[[], Message], *, clock: Clock, on_incident: Callable[[str, str, str], None]
    ) -> None:
        self._status = status
        self._clock = clock
        self._on_incident = on_incident
        self._looked_s = float("-inf")
        self._seen: dict[str, _Seen] = {}

    def look(self) -> None:
        """Look, where that is due."""
        now_s = self._clock.now_s()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        for part in parts_of(self._status()):
            self._take(part, now_s)

    def _take(self, part: Part, now_s: float) -> None:
        seen = self._seen.get(part.name)
        if seen is None or part.state not in (seen.part.state, UNKNOWN):
            error = (seen.error, seen.error_at, seen.told) if seen else ("", None, OK)
            seen = _Seen(part, self._clock.now_at(), now_s, error=error[0], error_at=error[1], told=error[2])
            self._seen[part.name] = seen
        elif part.state != UNKNOWN:
            seen.part = part
        if part.state not in (*_WELL, UNKNOWN):
            seen.error, seen.error_at = part.reason, self._clock.now_at()
        self._tell(seen, now_s)

    def _tell(self, seen: _Seen, now_s: float) -> None:
        part = seen.part
        well = part.state in _WELL and seen.told in _WELL
        if part.name not in OURS or part.state in (seen.told, UNKNOWN) or well or now_s - seen.since_s < LASTS_S:
            return
        seen.told = part.state
        self._on_incident(part.name, part.state, part.reason)

    def status(self) -> list[dict[str, Any]]:
        """Return every part with its state, since when, its last error and what to do."""
        return [
            {
                "part": seen.part.name,
                "state": seen.part.state,
                "since": _iso(seen.since_at),
                "reason": seen.part.reason,
                "todo": seen.part.todo,
                "last_error": seen.error,
                "last_error_at": _iso(seen.error_at),
            }
            for seen in self._seen.values()
        ]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
