"""Events: does the CRM get to know them, or do they wait, or lie there refused or dead?"""

from datetime import datetime, timedelta
from pathlib import Path

from fallbackrouter.control.parts import OLD_S, SEE_DEAD, SEE_EVENTS, SEE_REFUSED
from fallbackrouter.core.errors import StoreError
from fallbackrouter.doctor.finding import Finding, failed_by, ok, skip, warn
from fallbackrouter.doctor.names import age
from fallbackrouter.store.outbox import Backlog, Outbox

NAME = "events"
OLD = timedelta(seconds=OLD_S)


def check_events(journal: Path, crm_url: str, now_at: datetime) -> list[Finding]:
    """Count the events of the journal. Blocking; nothing is changed."""
    if not journal.exists():
        return [skip(NAME, f"there is no {journal} yet; it is made when `fallbackrouter serve` starts")]
    outbox = Outbox(journal)
    try:
        backlog = outbox.backlog()
    except StoreError as error:
        return [failed_by(NAME, error)]
    finally:
        outbox.close()
    return _judge(backlog, crm_url, now_at)


def _judge(backlog: Backlog, crm_url: str, now_at: datetime) -> list[Finding]:
    found = []
    waiting_for = now_at - backlog.oldest_at if backlog.oldest_at else timedelta()
    if backlog.pending and not crm_url:
        what = f"{backlog.pending:,} wait, and there is no crm.url to tell them to"
        found.append(warn(NAME, what, "set crm.url, or let the dialplan report no events"))
    elif waiting_for > OLD:
        what = f"{backlog.pending:,} wait, the oldest for {age(waiting_for)}"
        found.append(warn(NAME, what, SEE_EVENTS))
    if backlog.dead:
        what = f"{backlog.dead:,} are dead: the CRM did not take them within events.ttl_s"
        found.append(warn(NAME, what, SEE_DEAD))
    if backlog.refused:
        what = f"{backlog.refused:,} were refused by the CRM"
        found.append(warn(NAME, what, SEE_REFUSED))
    return found or [ok(NAME, f"{backlog.pending:,} wait, none is refused or dead")]
