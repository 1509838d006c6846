"""Routes: does the CRM feed them, how old are they, and how many may not serve?"""

from datetime import datetime
from pathlib import Path

from fallbackrouter.control.parts import SEE_FEED, SEE_STALE
from fallbackrouter.doctor.finding import Finding, ok, skip, warn
from fallbackrouter.jobs.sync_state import FAILING, NEVER
from fallbackrouter.jobs.sync_status import STALE, SyncStatus, in_units, sync_status

NAME = "routes"


def check_routes(folder: Path, routes_url: str, now_at: datetime, stale_after_s: float) -> list[Finding]:
    """Look at routes.db and at what the sync noted. Blocking; nothing is changed, and nobody is asked."""
    status = sync_status(folder, now_at=now_at, stale_after_s=stale_after_s)
    if status.state == NEVER:
        if not routes_url:
            return [skip(NAME, "crm.routes_url is not set, and no file was taken over: there are no routes")]
        return [warn(NAME, "none were synced yet", "start the service, or run `fallbackrouter sync`")]
    return [_age(status, routes_url), *_aside(status)]


def _age(status: SyncStatus, routes_url: str) -> Finding:
    held = f"{status.count:,} routes"
    if status.age_s is not None:
        held += f", as the CRM had them {in_units(status.age_s)} ago"
    if status.state == FAILING:
        return warn(NAME, f"{held}; the feed fails: {status.known.error}", SEE_FEED)
    if status.state == STALE and routes_url:
        return warn(NAME, f"{held}, which is long", SEE_STALE)
    return ok(NAME, held)


def _aside(status: SyncStatus) -> list[Finding]:
    if not status.set_aside:
        return []
    what = f"{status.set_aside:,} rows of the last feed may not serve and are set aside"
    return [warn(NAME, what, "`fallbackrouter sync --rejects` names them and why: have the CRM correct them")]
