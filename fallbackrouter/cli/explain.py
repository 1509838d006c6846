"""`explain`: what each tier would say, and which rules lose, without asking anybody."""

from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.verdict import NAMES, Hit, Verdict, reason_of

if TYPE_CHECKING:
    from fallbackrouter.office.explain import Explained


def explain(
    did: Annotated[str, typer.Argument(help="The dialled number.")],
    caller: Annotated[str, typer.Option("--caller", help="Who calls; without it the number is withheld.")] = "",
    stage: Annotated[str, typer.Option("--stage", help="The point of the call.")] = "init",
    at: Annotated[str, typer.Option("--at", metavar="T", help="A moment, 2026-03-08 02:30; else now.")] = "",
    files: Annotated[bool, typer.Option("--files", help="Take the rule files as they are edited now.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where a call would go, and why, without asking the CRM or the running router."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office.explain import explain, read_moment

    office = open_house(config).office
    moment = read_moment(at, office.zone, SystemClock().now_at(), "--at")
    explained = explain(office, did, caller, stage, moment=moment, files=files)
    if as_json:
        put_json(explained.as_json())
    else:
        _put(explained)


def _put(explained: "Explained") -> None:
    tier, hit = explained.answer
    put_table("what each tier says", ("tier", "verdict", "rule", "route"), (_line(*step) for step in explained.steps))
    if explained.ranked:
        rows = ((one["tier"], one["rule"], one["place"], one["why"]) for one in explained.ranked)
        put_table("rules for this call, in the order in which they win", ("tier", "rule", "place", "why"), rows)
    say(f"unless the CRM answers: {tier}{f', rule {hit.rule}' if hit.rule else ''}: {_route(hit)}")


def _line(tier: str, verdict: Verdict) -> tuple[str, str, str, str]:
    if isinstance(verdict, Hit):
        return tier, "hit", verdict.rule, _route(verdict)
    reason = reason_of(verdict)
    return tier, NAMES[type(verdict)] + (f": {reason}" if reason else ""), "", ""


def _route(hit: Hit) -> str:
    from fallbackrouter.office.explain import next_of

    routes = (hit.route.fields, next_of(hit) or {})
    return ", then ".join(" ".join(f"{name}={value}" for name, value in fields.items()) for fields in routes if fields)
