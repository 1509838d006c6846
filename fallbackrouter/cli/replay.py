"""`decisions replay`: a call on record through today's rules and routes, beside what was decided then.

What the CRM said then is taken as what it says: it is not asked again. Remembered answers and synced routes are those
of now.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.errors import StoreError

if TYPE_CHECKING:
    from datetime import datetime

    from fallbackrouter.cli.house import House
    from fallbackrouter.core.call import Call
    from fallbackrouter.core.decision import Outcome, Step
    from fallbackrouter.core.verdict import Verdict

Row = Mapping[str, Any]


def replay(
    decision: Annotated[str, typer.Argument(metavar="ID", help="As FR_DECISION or `decisions list` tell it.")],
    at: Annotated[str, typer.Option("--at", metavar="T", help="As if it came then; else at its own moment.")] = "",
    files: Annotated[bool, typer.Option("--files", help="Take the rule files as they are edited now.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a recorded call anew by today's rules and routes, without asking the CRM."""
    from fallbackrouter.cli.explain import read_moment
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.config.build import default_zone, zone_of
    from fallbackrouter.store.decisions import show_decision

    house = open_house(config)
    row = asyncio.run(show_decision(house.journal, decision))
    if row is None:
        raise StoreError(f"there is no decision {decision}; `fallbackrouter decisions list` shows the newest")
    moment = read_moment(at or row["at"], zone_of(default_zone(house.settings)))
    outcome = decide(house, row, moment, files=files)
    if as_json:
        put_json(_told(row, outcome, moment))
    else:
        _show(row, outcome)


def decide(house: "House", row: Row, moment: "datetime", *, files: bool) -> "Outcome":
    """Return what would be decided today.

    Args:
        row: the decision, as the contract spells it.
        moment: when the call comes.
        files: by the rule files instead of the rules that serve.

    Raises:
        FallbackrouterError: rules, routes or the journal cannot be read.
    """
    from fallbackrouter.cli.explain import rulebooks
    from fallbackrouter.config.build import build_policies, last_resort
    from fallbackrouter.core.walk import Walk
    from fallbackrouter.numbering import Numbering

    read = Numbering(house.settings.numbers.region).read
    call = _call(row, read)
    walk = Walk(build_policies(house.settings, read).of(call.did), last_resort(house.settings), 0.0)
    books = rulebooks(house, files=files)
    says = _tiers(house, row, books, moment)
    while (step := walk.next_step(0.0)) is not None:
        walk.take(says[step.tier](call, moment), 0.0)
    if walk.outcome is None:  # a walk without steps has ended; this says so to the type checker
        raise RuntimeError("a walk ended without an outcome")
    return walk.outcome


def _call(row: Row, read: Any) -> "Call":
    from fallbackrouter.core.call import Call

    return Call(did=read(row["did"]), caller=read(row["caller"]), stage=row["stage"], call_id=row["call_id"])


def _tiers(house: "House", row: Row, books: Mapping[str, Any], moment: "datetime") -> Mapping[str, Any]:
    from fallbackrouter.cli.explain import remembered, synced
    from fallbackrouter.core.tier import FALLBACK, LIVE, OVERRIDE, REMEMBERED, SYNCED
    from fallbackrouter.tiers.rules import RuleTier

    said = _live_said(row)
    return {
        OVERRIDE: RuleTier(books[OVERRIDE]).ask,
        LIVE: lambda _call, _moment: said,
        REMEMBERED: remembered(house, books[FALLBACK], moment).ask,
        SYNCED: synced(house).ask,
        FALLBACK: RuleTier(books[FALLBACK]).ask,
    }


def _live_said(row: Row) -> "Verdict":
    """Return what the CRM said then."""
    from fallbackrouter.core.route import Route
    from fallbackrouter.core.tier import LIVE
    from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, TimedOut, Unavailable

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


def _told(row: Row, outcome: "Outcome", moment: "datetime") -> dict[str, object]:
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
        "steps": [{"tier": step.tier, "verdict": _verdict(step), "reason": _why(step)} for step in outcome.steps],
    }
    return {"v": 1, "id": row["id"], "same": _same(row, outcome), "then": then, "today": today}


def _same(row: Row, outcome: "Outcome") -> bool:
    now = outcome.next_route.fields if outcome.next_route is not None else None
    return bool(row["route"] == outcome.route.fields and row["trail"].get("next") == now)


def _show(row: Row, outcome: "Outcome") -> None:
    then = {step["tier"]: _words(step["verdict"], step.get("rule") or step.get("reason", "")) for step in _steps(row)}
    today = {step.tier: _words(_verdict(step), _why(step)) for step in outcome.steps}
    lines: list[tuple[str, ...]] = [
        (tier, then.get(tier, "not asked"), today.get(tier, "not asked")) for tier in dict.fromkeys((*then, *today))
    ]
    lines.append(("answer", row["source"], outcome.source))
    lines.append(("route", _route(row["route"]), _route(outcome.route.fields)))
    put_table(f"{row['at']}  {row['did']} from {row['caller'] or 'withheld'}", ("", "then", "today"), lines)
    say("the call would go the same way" if _same(row, outcome) else "THE CALL WOULD GO ANOTHER WAY")
    say("The CRM was not asked: live says what it said then. Remembered answers and synced routes are those of now.")


def _steps(row: Row) -> list[Row]:
    return list(row["trail"]["steps"])


def _verdict(step: "Step") -> str:
    from fallbackrouter.core.verdict import NAMES

    return NAMES[type(step.verdict)]


def _why(step: "Step") -> str:
    from fallbackrouter.core.verdict import Hit, reason_of

    return step.verdict.rule if isinstance(step.verdict, Hit) else reason_of(step.verdict)


def _words(verdict: str, why: str) -> str:
    return f"{verdict}: {why}" if why else verdict


def _route(fields: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items())
