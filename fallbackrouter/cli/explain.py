"""`explain`: what each tier would say, and which rules lose, without asking anybody."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.tier import FALLBACK, LAST_RESORT, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.core.verdict import NAMES, Hit, Miss, Skipped, Verdict, reason_of

if TYPE_CHECKING:
    from datetime import tzinfo

    from fallbackrouter.cli.house import House
    from fallbackrouter.core.rule import Rule
    from fallbackrouter.core.rulebook import Rulebook
    from fallbackrouter.tiers.remembered import RememberedTier
    from fallbackrouter.tiers.synced import SyncedTier


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
    from fallbackrouter.config.build import build_policies, default_zone, last_resort, zone_of
    from fallbackrouter.core.call import Call, is_stage
    from fallbackrouter.numbering import Numbering

    house = open_house(config)
    if not is_stage(stage):
        raise FallbackrouterError(f"{stage!r} is no stage; a stage is 1 to 32 of a-z, 0-9 and _")
    read = Numbering(house.settings.numbers.region).read
    moment = read_moment(at, zone_of(default_zone(house.settings)))
    call = Call(did=read(did), caller=read(caller), stage=stage)
    policy = build_policies(house.settings, read).of(call.did)
    books = rulebooks(house, files=files)
    says: dict[str, Verdict] = {
        OVERRIDE: _of_rule(books[OVERRIDE].first(call, moment)),
        LIVE: Skipped("explain asks nobody; `fallbackrouter ask` does"),
        REMEMBERED: remembered(house, books[FALLBACK], moment).ask(call, moment),
        SYNCED: synced(house).ask(call, moment),
        FALLBACK: _of_rule(books[FALLBACK].first(call, moment)),
        LAST_RESORT: Hit(last_resort(house.settings)),
    }
    steps = [(tier, says[tier]) for tier in policy.order]
    ranked = [
        {"tier": tier, "rule": one.rule.name, "place": one.rule.place, "in_force": one.in_force, "why": one.why}
        for tier in (OVERRIDE, FALLBACK)
        for one in books[tier].ranked(call, moment)
    ]
    _put(moment, steps, ranked, as_json=as_json)


def _of_rule(rule: "Rule | None") -> Verdict:
    return Miss() if rule is None else Hit(rule.route, rule=rule.name, next_route=rule.next_route)


def read_moment(text: str, zone: "tzinfo") -> datetime:
    """Read `--at`: ISO 8601, local time in the given zone unless it has an offset; "" is now. Returns UTC.

    Raises:
        FallbackrouterError: no such moment.
    """
    from datetime import UTC

    from fallbackrouter.clock import SystemClock

    if not text:
        return SystemClock().now_at()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FallbackrouterError(f"--at {text!r} is no moment; write it as 2026-03-08 02:30") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def rulebooks(house: "House", *, files: bool) -> "dict[str, Rulebook]":
    """Return the rules that serve, or those of the files, by tier."""
    from fallbackrouter.cli.rules import check_files, serving_rules
    from fallbackrouter.clock import load_zone
    from fallbackrouter.core.rulebook import Rulebook
    from fallbackrouter.rulesfile.compiled import dump, load

    specs = None if files else serving_rules(house)
    if specs is None:
        specs = check_files(house).rules
    rules = load(dump(specs), load_zone)
    return {tier: Rulebook(rule for rule in rules if rule.tier == tier) for tier in (OVERRIDE, FALLBACK)}


def remembered(house: "House", fallback: "Rulebook", at: datetime) -> "RememberedTier":
    """Return what the journal remembers of the CRM's answers, as it counts at a moment."""
    from fallbackrouter.config.build import build_gate
    from fallbackrouter.store.recall import read_remembered
    from fallbackrouter.tiers.remembered import RememberedTier
    from fallbackrouter.tiers.rules import RuleTier

    settings = house.settings.remembered
    tier = RememberedTier(
        max_entries=settings.max_entries,
        ttl_s=settings.ttl_s,
        max_stale_s=settings.max_stale_s,
        never=settings.never,
        gate=build_gate(house.settings),
        fallback_rule=RuleTier(fallback).winner,
    )
    if house.journal.exists():
        not_before = at - timedelta(seconds=settings.max_stale_s)
        tier.absorb(read_remembered(house.journal, settings.max_entries, not_before))
    return tier


def synced(house: "House") -> "SyncedTier":
    """Return the routes that the CRM fed us."""
    from fallbackrouter.clock import load_zone
    from fallbackrouter.config.build import build_gate, default_zone
    from fallbackrouter.store.routes import RoutesCopy
    from fallbackrouter.tiers.synced import SyncedTier

    if not house.routes.exists():
        return SyncedTier()
    gate, zone = build_gate(house.settings), default_zone(house.settings)
    return SyncedTier(RoutesCopy.load(house.routes, gate=gate, load_zone=load_zone, default_zone=zone))


def _put(moment: datetime, steps: list[tuple[str, Verdict]], ranked: list[dict[str, object]], *, as_json: bool) -> None:
    tier, hit = next((tier, verdict) for tier, verdict in steps if isinstance(verdict, Hit))
    if as_json:
        told = [
            {
                "tier": name,
                "verdict": NAMES[type(verdict)],
                "rule": verdict.rule if isinstance(verdict, Hit) else "",
                "reason": reason_of(verdict),
                "route": verdict.route.fields if isinstance(verdict, Hit) else None,
                "next": _next(verdict),
            }
            for name, verdict in steps
        ]
        route = hit.route.fields
        put_json(
            {
                "v": 1,
                "at": moment.isoformat(),
                "source": tier,
                "rule": hit.rule,
                "route": route,
                "next": _next(hit),
                "tiers": told,
                "rules": ranked,
            }
        )
        return
    put_table("what each tier says", ("tier", "verdict", "rule", "route"), (_line(*step) for step in steps))
    if ranked:
        rows = ((one["tier"], one["rule"], one["place"], one["why"]) for one in ranked)
        put_table("rules for this call, in the order in which they win", ("tier", "rule", "place", "why"), rows)
    say(f"unless the CRM answers: {tier}{f', rule {hit.rule}' if hit.rule else ''}: {_route(hit)}")


def _next(verdict: Verdict) -> dict[str, str] | None:
    """Return the fields of the route behind a hit's own, None where there is none."""
    return verdict.next_route.fields if isinstance(verdict, Hit) and verdict.next_route is not None else None


def _line(tier: str, verdict: Verdict) -> tuple[str, str, str, str]:
    if isinstance(verdict, Hit):
        return tier, "hit", verdict.rule, _route(verdict)
    reason = reason_of(verdict)
    return tier, NAMES[type(verdict)] + (f": {reason}" if reason else ""), "", ""


def _route(hit: Hit) -> str:
    routes = (hit.route.fields, _next(hit) or {})
    return ", then ".join(" ".join(f"{name}={value}" for name, value in fields.items()) for fields in routes if fields)
