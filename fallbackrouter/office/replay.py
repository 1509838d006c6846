"""A call on record through today's rules and routes, beside what was decided then.

What the CRM said then is taken as what it says: it is not asked again. Remembered answers and synced routes are those
of now.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.decision import Outcome, Step
from fallbackrouter.core.route import Route
from fallbackrouter.core.tier import FALLBACK, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.core.verdict import NAMES, Hit, Invalid, Miss, Skipped, TimedOut, Unavailable, Verdict, reason_of
from fallbackrouter.core.walk import Walk
from fallbackrouter.office.explain import remembered, rulebooks, synced
from fallbackrouter.office.office import Office
from fallbackrouter.tiers.rules import RuleTier

Row = Mapping[str, Any]


def decide(office: Office, row: Row, moment: datetime, *, files: bool) -> Outcome:
    """Return what would be decided today.

    Args:
        row: the decision, as the contract spells it.
        moment: when the call comes.
        files: by the rule files instead of the rules that serve.

    Raises:
        FallbackrouterError: rules, routes or the journal cannot be read.
    """
    read = office.read_number
    call = _call(row, read)
    walk = Walk(office.policies.of(call.did), office.last_resort, 0.0)
    books = rulebooks(office, files=files)
    says = _tiers(office, row, books, moment)
    while (step := walk.next_step(0.0)) is not None:
        walk.take(says[step.tier](call, moment), 0.0)
    if walk.outcome is None:  # a walk without steps has ended; this says so to the type checker
        raise RuntimeError("a walk ended without an outcome")
    return walk.outcome


def _call(row: Row, read: ReadNumber) -> Call:

    return Call(did=read(row["did"]), caller=read(row["caller"]), stage=row["stage"], call_id=row["call_id"])


def _tiers(office: Office, row: Row, books: Mapping[str, Any], moment: datetime) -> Mapping[str, Any]:

    said = _live_said(row)
    return {
        OVERRIDE: RuleTier(books[OVERRIDE]).ask,
        LIVE: lambda _call, _moment: said,
        REMEMBERED: remembered(office, books[FALLBACK], moment).ask,
        SYNCED: synced(office).ask,
        FALLBACK: RuleTier(books[FALLBACK]).ask,
    }


def _live_said(row: Row) -> Verdict:
    """Return what the CRM said then."""
    step = next((step for step in row["trail"]["steps"] if step["tier"] == LIVE), None)
    if step is None:
        return Skipped("it was not asked then, and is not asked now")
    reason = step.get("reason", "")
    if step["verdict"] == "hit":
        return Hit(Route(tuple(row["route"].items())))
    if step["verdict"] == "miss":
        return Miss(reason)
    known: dict[str, type[TimedOut | Unavailable | Invalid | Skipped]] = {
        "timed_out": TimedOut,
        "unavailable": Unavailable,
        "invalid": Invalid,
        "skipped": Skipped,
    }
    return known.get(str(step["verdict"]), Skipped)(reason)


def told(row: Row, outcome: Outcome, moment: datetime) -> dict[str, object]:
    """Return what was decided then and what would be today, for programs."""
    then = {
        **{name: row[name] for name in ("at", "source", "rule", "status", "route")},
        "next": row["trail"].get("next"),
        "steps": row["trail"]["steps"],
    }
    today = {
        "at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "source": outcome.source,
        "rule": outcome.rule,
        "status": outcome.status,
        "route": outcome.route.fields,
        "next": outcome.next_route.fields if outcome.next_route is not None else None,
        "steps": [{"tier": step.tier, "verdict": verdict_of(step), "reason": why_of(step)} for step in outcome.steps],
    }
    return {"v": 1, "id": row["id"], "same": is_same(row, outcome), "then": then, "today": today}


def is_same(row: Row, outcome: Outcome) -> bool:
    """Tell whether the call would go the same way."""
    now = outcome.next_route.fields if outcome.next_route is not None else None
    return bool(row["route"] == outcome.route.fields and row["trail"].get("next") == now)


def verdict_of(step: Step) -> str:
    """Return a step's verdict in one word."""
    return NAMES[type(step.verdict)]


def why_of(step: Step) -> str:
    """Return the rule or the reason behind a step."""
    return step.verdict.rule if isinstance(step.verdict, Hit) else reason_of(step.verdict)
