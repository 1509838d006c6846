"""How each part of the router does: what `status` of the control socket tells, judged once for all who show it.

Its rules:

- pure: a status in, parts out. The parent, the web interface and `doctor` say the same;
- `ok`: as it was meant to be; `degraded`: calls are answered, but not as they were meant to be, or not for long;
  `failing`: the part does not do its work; `off`: it is not configured; `unknown`: nobody can tell just now;
- no number of a caller stands in any of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CALLS = "calls"
"""The part that makes the calls of the CRM."""
OK, DEGRADED, FAILING, OFF, UNKNOWN = "ok", "degraded", "failing", "off", "unknown"
STATES = (OK, DEGRADED, FAILING, OFF, UNKNOWN)

LOW_BYTES = 1_000_000_000
FULL_BYTES = 100_000_000
"""Below it the journal may be full before anyone comes: 100,000 decisions take some 80 MB."""
OLD_S = 900.0
"""A CRM that is well has been told of everything long before."""
SLOW_S = 2.0
STUCK_S = 30.0
"""A record that has waited so long waits for a disk that does not take it."""

SEE_LOG = "its log says why; docs/operations.md explains each line"
MAKE_ROOM = "make room: on a full disk calls are answered, but their records pile up in memory"
SEE_DEAD = "`fallbackrouter events retry --dead` tries again, `events drop --dead` ends it"
SEE_REFUSED = "`fallbackrouter events list --state refused` tells its words: correct one side"
SEE_EVENTS = "see the lines on the CRM; `fallbackrouter events list` tells what it said to each"
SEE_FEED = "correct that; the routes serve meanwhile"
SEE_STALE = "see that the service runs; `fallbackrouter routes status` tells more"
SEE_CRM = "see that the CRM answers: `fallbackrouter doctor`; it is asked again by itself once it does"
SEE_DNS = "see the machine's name servers, or name others in crm.nameservers: `fallbackrouter doctor`"

Status = Mapping[str, Any]
"""What `status` on the control socket answers."""


@dataclass(frozen=True, slots=True)
class Part:
    """How a part does now.

    Attributes:
        state: one of STATES.
        reason: what was seen, one clause; "" where there is nothing to say.
        todo: what to do next, one clause; "" where there is nothing to do.
    """

    name: str
    state: str
    reason: str = ""
    todo: str = ""


def parts_of(status: Status) -> list[Part]:
    """Return every part, in the order in which people look at them."""
    return [look(status) for look in _LOOKS]


def child_trouble(child: Mapping[str, Any], heartbeat_ms: float) -> str:
    """Return what is wrong with a child now, "" where it does its work."""
    name, state = child.get("name", "a process"), child.get("state")
    if state != "ready":
        return f"{name} is {state}, started again {child.get('restarts', 0)} times"
    silent_s = float(child.get("silent_s", 0))
    return f"{name} has said nothing for {silent_s:.1f} s" if silent_s * 1000 > heartbeat_ms else ""


def breaker_reason(breaker: Mapping[str, Any]) -> str:
    """Return what a breaker that is not closed does to calls."""
    state = str(breaker.get("state")).replace("_", " ")
    return f"calls ask the CRM not at all or in part: its breaker is {state} ({breaker.get('reason')})"


# --- calls' side ----------------------------------------------------------------------------------------------------


def _workers(status: Status) -> Part:
    workers = list(status.get("workers") or [])
    heartbeat_ms = float(status.get("heartbeat_ms") or 2000)
    troubles = [trouble for worker in workers if (trouble := child_trouble(worker, heartbeat_ms))]
    if len(troubles) == len(workers) and not status.get("healthy"):
        return Part("workers", FAILING, "; ".join(troubles) or "no call worker was started yet", SEE_LOG)
    return Part("workers", DEGRADED, "; ".join(troubles), SEE_LOG) if troubles else Part("workers", OK)


def _crm(status: Status) -> Part:
    breaker, drill = status.get("breaker"), status.get("drill")
    if not status.get("crm") or not breaker:
        return Part("crm", OFF, "crm.url is not set")
    if drill:
        what = f"a drill is on: {drill.get('fault')}, for {drill.get('left_s')} s more"
        return Part("crm", DEGRADED, what, "wait for its end: what is found meanwhile may be the drill's")
    if breaker.get("state") == "closed":
        return Part("crm", OK)
    state = FAILING if breaker.get("state") == "open" else DEGRADED
    return Part("crm", state, f"{breaker.get('reason')}; calls go by what is known locally", SEE_CRM)


def _breaker(status: Status) -> Part:
    breaker = status.get("breaker")
    if not status.get("crm") or not breaker:
        return Part("breaker", OFF, "crm.url is not set")
    if breaker.get("state") == "closed":
        return Part("breaker", OK)
    state = FAILING if breaker.get("state") == "open" else DEGRADED
    return Part("breaker", state, breaker_reason(breaker), "it closes by itself once the CRM answers again")


def _dns(status: Status) -> Part:
    told = [counters for counters in _counters(status) if "dns_failures" in counters]
    if not told:
        nothing_heard = status.get("crm") and not any(_counters(status))
        return Part("dns", UNKNOWN if nothing_heard else OFF, "" if nothing_heard else "no name is looked up")
    if any(one["dns_age_s"] is None for one in told):
        return Part("dns", FAILING, "no address of the CRM is known", SEE_DNS)
    failures = max(int(one["dns_failures"]) for one in told)
    if not failures:
        return Part("dns", OK)
    oldest_s = max(float(one["dns_age_s"]) for one in told)
    what = f"{failures} look-ups in a row failed; addresses of {oldest_s:.0f} s ago serve"
    return Part("dns", DEGRADED, what, SEE_DNS)


def _journal(status: Status) -> Part:
    counters = _counters(status)
    lag_s = max((float(one.get("journal_lag_s") or 0) for one in counters), default=0.0)
    waiting = sum(int(one.get("journal_pending") or 0) for one in counters)
    todo = f"see that the disk of data_dir has room and answers: {SEE_LOG}"
    if lag_s > SLOW_S:
        what = f"{waiting:,} records wait, the oldest for {lag_s:.0f} s"
        return Part("journal", FAILING if lag_s > STUCK_S else DEGRADED, what, todo)
    bounds = str((_background(status).get("upkeep") or {}).get("reason") or "")
    return Part("journal", DEGRADED, f"it cannot be kept in bounds: {bounds}", todo) if bounds else Part("journal", OK)


# --- what goes on behind --------------------------------------------------------------------------------------------


def _sync(status: Status) -> Part:
    sync = _background(status).get("sync")
    if sync is None:
        return _silent("sync", status, "crm.routes_url is not set")
    match sync.get("state"):
        case "failing":
            return Part("sync", DEGRADED, f"the feed fails: {sync.get('error')}", SEE_FEED)
        case "stale":
            return Part("sync", DEGRADED, f"the routes are {float(sync.get('age_s') or 0):.0f} s old", SEE_STALE)
        case "never":
            return Part("sync", DEGRADED, "no routes were synced yet", SEE_STALE)
    return Part("sync", OK)


def _outbox(status: Status) -> Part:
    outbox = _background(status).get("outbox")
    if outbox is None:
        return _silent("outbox", status, "")
    pending, oldest_s = int(outbox.get("pending") or 0), float(outbox.get("oldest_s") or 0)
    if pending and not status.get("crm"):
        what = f"{pending:,} events wait, and there is no crm.url to tell them to"
        return Part("outbox", DEGRADED, what, "set crm.url, or let the dialplan report no events")
    if oldest_s > OLD_S:
        why = f" ({outbox['waits']})" if outbox.get("waits") else ""
        return Part("outbox", FAILING, f"{pending:,} events wait, the oldest for {oldest_s:.0f} s{why}", SEE_EVENTS)
    if dead := int(outbox.get("dead") or 0):
        return Part("outbox", DEGRADED, f"{dead:,} events are dead: the CRM did not take them in time", SEE_DEAD)
    if refused := int(outbox.get("refused") or 0):
        return Part("outbox", DEGRADED, f"{refused:,} events were refused by the CRM", SEE_REFUSED)
    return Part("outbox", OK)


def _rules(status: Status) -> Part:
    files = _background(status).get("rule_files") or {}
    todo = "`fallbackrouter rules check` names every problem"
    if files.get("state") == "broken":
        return Part("rules", DEGRADED, f"the files have errors, the last good rules serve: {files.get('reason')}", todo)
    if files.get("state") == "held":
        what = "the files are those that were rolled back, and are left alone"
        return Part("rules", DEGRADED, what, "correct them, or take them over all the same by `rules apply`")
    return Part("rules", OK if files.get("state") == "good" else UNKNOWN)


def _disk(status: Status) -> Part:
    free_bytes = _background(status).get("disk_free_bytes")
    if free_bytes is None:
        return Part("disk", UNKNOWN)
    what = f"{free_bytes / 1e6:,.0f} MB are free where data_dir lies"
    if free_bytes < FULL_BYTES:
        return Part("disk", FAILING, what, MAKE_ROOM)
    return Part("disk", DEGRADED, what, MAKE_ROOM) if free_bytes < LOW_BYTES else Part("disk", OK, what)


def _ami(status: Status) -> Part:
    asterisk = _background(status).get("asterisk")
    if asterisk is None:
        return _silent("ami", status, "ami.user is not set")
    if asterisk.get("connected"):
        return Part("ami", OK)
    what = f"Asterisk's manager interface is not reached: {asterisk.get('reason')}"
    return Part("ami", FAILING, what, "see that Asterisk runs, and that manager.conf admits ami.user")


def _calls(status: Status) -> Part:
    calls = _background(status).get("calls")
    if calls is None:
        return _silent(CALLS, status, "calls.contexts, calls.channels or ami.user is not set")
    if barred := str(calls.get("barred") or ""):
        return Part(CALLS, FAILING, f"no calls are made: {barred}", "correct that, then reload")
    if trouble := str(calls.get("trouble") or ""):
        return Part(CALLS, FAILING, f"calls of the CRM wait: {trouble}", f"see to data_dir's disk: {SEE_LOG}")
    waiting = int(calls.get("waiting") or 0)
    if waiting and (waits := str(calls.get("waits") or "")):
        what = f"{waiting:,} calls of the CRM wait for Asterisk: {waits}"
        return Part(CALLS, DEGRADED, what, "see that Asterisk runs; those past their not_after are given up")
    return Part(CALLS, OK)


def _dialplan(status: Status) -> Part:
    dialplan = _background(status).get("dialplan")
    if dialplan is None:
        return _silent("dialplan", status, "dialplan.auto is off")
    if reason := str(dialplan.get("reason") or ""):
        return Part("dialplan", FAILING, f"it could not be installed: {reason}", "do what it says; it is tried again")
    return Part("dialplan", OK)


def _prompts(status: Status) -> Part:
    prompts = _background(status).get("prompts")
    if prompts is None:
        return _silent("prompts", status, "prompts.dir is not set")
    if trouble := str(prompts.get("trouble") or ""):
        return Part("prompts", FAILING, f"callers hear no new prompts: {trouble}", "see to the disk of prompts.dir")
    return Part("prompts", OK)


def _background(status: Status) -> Mapping[str, Any]:
    return status.get("background") or {}


def _silent(name: str, status: Status, off: str) -> Part:
    """Return the part of a duty that tells nothing: there is none, or the background process has yet to be heard."""
    return Part(name, OFF, off) if "disk_free_bytes" in _background(status) else Part(name, UNKNOWN)


def _counters(status: Status) -> list[Mapping[str, Any]]:
    return [worker["counters"] for worker in status.get("workers") or [] if worker.get("counters")]


_LOOKS: tuple[Callable[[Status], Part], ...] = (
    _workers,
    _crm,
    _breaker,
    _dns,
    _sync,
    _outbox,
    _journal,
    _rules,
    _disk,
    _ami,
    _dialplan,
    _calls,
    _prompts,
)


def readiness(status: Status | None) -> tuple[bool, str]:
    """Tell whether calls are answered, and say so; what is not well but answers them is degraded, and ready.

    Args:
        status: None where the parent does not answer.
    """
    if status is None or not status.get("ready"):
        return False, "not ready"
    parts = parts_of(status)
    if parts[0].state == FAILING:
        return False, "not ready"
    ailing = [part.name for part in parts if part.state in (DEGRADED, FAILING)]
    return True, f"degraded: {', '.join(ailing)}" if ailing else "ready"


def summary(status: Status) -> dict[str, Any]:
    """Return for programs: ready, the state of the whole, and every part with since when and its last error."""
    ready, words = readiness(status)
    state = FAILING if not ready else DEGRADED if words != "ready" else OK
    return {
        "version": status.get("version"),
        "ready": ready,
        "state": state,
        "words": words,
        "parts": status.get("parts") or [],
    }
