"""`decisions replay`: a call on record through today's rules and routes, beside what was decided then."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.errors import StoreError

if TYPE_CHECKING:
    from fallbackrouter.core.decision import Outcome

Row = Mapping[str, Any]


def replay(
    decision: Annotated[str, typer.Argument(metavar="ID", help="As FR_DECISION or `decisions list` tell it.")],
    at: Annotated[str, typer.Option("--at", metavar="T", help="As if it came then; else at its own moment.")] = "",
    files: Annotated[bool, typer.Option("--files", help="Take the rule files as they are edited now.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a recorded call anew by today's rules and routes, without asking the CRM."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office.explain import read_moment
    from fallbackrouter.office.replay import decide, told
    from fallbackrouter.store.decisions import show_decision

    office = open_house(config).office
    row = asyncio.run(show_decision(office.journal, decision))
    if row is None:
        raise StoreError(f"there is no decision {decision}; `fallbackrouter decisions list` shows the newest")
    moment = read_moment(at or row["at"], office.zone, SystemClock().now_at(), "--at")
    outcome = decide(office, row, moment, files=files)
    if as_json:
        put_json(told(row, outcome, moment))
    else:
        _show(row, outcome)


def _show(row: Row, outcome: "Outcome") -> None:
    from fallbackrouter.office.replay import is_same, verdict_of, why_of

    then = {step["tier"]: _words(step["verdict"], step.get("rule") or step.get("reason", "")) for step in _steps(row)}
    today = {step.tier: _words(verdict_of(step), why_of(step)) for step in outcome.steps}
    lines: list[tuple[str, ...]] = [
        (tier, then.get(tier, "not asked"), today.get(tier, "not asked")) for tier in dict.fromkeys((*then, *today))
    ]
    lines.append(("answer", row["source"], outcome.source))
    lines.append(("route", _route(row["route"]), _route(outcome.route.fields)))
    put_table(f"{row['at']}  {row['did']} from {row['caller'] or 'withheld'}", ("", "then", "today"), lines)
    say("the call would go the same way" if is_same(row, outcome) else "THE CALL WOULD GO ANOTHER WAY")
    say("The CRM was not asked: live says what it said then. Remembered answers and synced routes are those of now.")


def _steps(row: Row) -> list[Row]:
    return list(row["trail"]["steps"])


def _words(verdict: str, why: str) -> str:
    return f"{verdict}: {why}" if why else verdict


def _route(fields: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items())
