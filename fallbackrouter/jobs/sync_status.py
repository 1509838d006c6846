"""How old the routes are and how the feed does, for people, programs and the doctor."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.jobs.sync_state import FAILING, NEVER, SyncState, load_rejects, load_state
from fallbackrouter.store.route_facts import RouteFacts, route_facts

STALE = "stale"


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """What is known of the routes.

    Attributes:
        state: ok, stale (nothing heard for longer than sync.stale_after_s), failing or never.
        age_s: since the CRM last said that they hold; None: it never did.
    """

    state: str
    age_s: float | None
    count: int
    synced_at: datetime | None
    known: SyncState
    set_aside: int

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        known = self.known
        return {
            "state": self.state,
            "since": _iso(known.since),
            "routes": self.count,
            "synced_at": _iso(self.synced_at),
            "age_s": None if self.age_s is None else round(self.age_s, 1),
            "tried_at": _iso(known.tried_at),
            "error": known.error,
            "failures": known.failures,
            "set_aside": self.set_aside,
        }

    def in_words(self) -> list[str]:
        """Return it for people."""
        if self.synced_at is None and not self.known.error:
            return ["no routes were synced yet; `fallbackrouter sync` fetches them"]
        lines = []
        if self.age_s is not None:
            lines.append(
                f"{self.count} routes, as the CRM had them {in_units(self.age_s)} ago ({_iso(self.synced_at)})"
            )
        if self.state == FAILING:
            lines.append(
                f"the feed fails since {_iso(self.known.since)}, {self.known.failures} times: {self.known.error}"
            )
        elif self.state == STALE:
            lines.append(
                "the routes are old; they are used all the same. Is the router running, and crm.routes_url set?"
            )
        if self.set_aside:
            lines.append(f"{self.set_aside} rows of the last feed are set aside: `fallbackrouter sync --rejects`")
        return lines


def sync_status(folder: Path, *, now_at: datetime, stale_after_s: float) -> SyncStatus:
    """Return what is known of the routes in a folder. Blocking."""
    facts, known = route_facts(folder / "routes.db"), load_state(folder)
    synced_at = _synced_at(facts, known)
    age_s = None if synced_at is None else max(0.0, (now_at - synced_at).total_seconds())
    state = known.state
    if state != FAILING and age_s is not None:
        state = STALE if age_s > stale_after_s else "ok"
    return SyncStatus(
        state if age_s is not None or state == FAILING else NEVER,
        age_s,
        facts.count if facts else 0,
        synced_at,
        known,
        len(load_rejects(folder)),
    )


def _synced_at(facts: RouteFacts | None, known: SyncState) -> datetime | None:
    if facts is None:
        return None
    if known.generation == facts.generation and known.synced_at is not None:
        return known.synced_at
    return facts.synced_at


def in_units(seconds: float) -> str:
    """Return a length of time as people say it."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
