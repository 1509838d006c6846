"""What each tier would say of a call, and which rules lose, without asking anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from fallbackrouter.clock import load_zone
from fallbackrouter.core.call import Call, is_stage
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, LAST_RESORT, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.core.verdict import NAMES, Hit, Miss, Skipped, Verdict, reason_of
from fallbackrouter.office.office import Office
from fallbackrouter.office.rules import serving_rules
from fallbackrouter.rulesfile.compiled import dump, load
from fallbackrouter.store.recall import read_remembered
from fallbackrouter.store.routes import RoutesCopy
from fallbackrouter.tiers.remembered import RememberedTier
from fallbackrouter.tiers.rules import RuleTier
from fallbackrouter.tiers.synced import SyncedTier

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """What would become of a call.

    Attributes:
        moment: when it comes, UTC.
        steps: each tier in its order, and what it says.
        ranked: rules for this call, in the order in which they win: tier, rule, place, in_force, why.
    """

    moment: datetime
    steps: Sequence[tuple[str, Verdict]]
    ranked: Sequence[Json]

    @property
    def answer(self) -> tuple[str, Hit]:
        """The tier that would answer unless the CRM does, and its answer."""
        return next((tier, verdict) for tier, verdict in self.steps if isinstance(verdict, Hit))

    def as_json(self) -> Json:
        """Return it for programs."""
        source, hit = self.answer
        return {
            "v": 1,
            "at": self.moment.isoformat(),
            "source": source,
            "rule": hit.rule,
            "route": hit.route.fields,
            "next": next_of(hit),
            "tiers": [_told(tier, verdict) for tier, verdict in self.steps],
            "rules": list(self.ranked),
        }


def explain(
    office: Office, did: str, caller: str = "", stage: str = "init", *, moment: datetime, files: bool = False
) -> Explained:
    """Return what would become of a call.

    Args:
        caller: "" where the number is withheld.
        files: by the rule files instead of the rules that serve.

    Raises:
        FallbackrouterError: there is no such stage, or rules, routes or the journal cannot be read.
    """
    if not is_stage(stage):
        raise FallbackrouterError(f"{stage!r} is no stage; a stage is 1 to 32 of a-z, 0-9 and _")
    call = Call(did=office.read_number(did), caller=office.read_number(caller), stage=stage)
    books = rulebooks(office, files=files)
    says: dict[str, Verdict] = {
        OVERRIDE: _of_rule(books[OVERRIDE].first(call, moment)),
        LIVE: Skipped("explain asks nobody; `fallbackrouter ask` does"),
        REMEMBERED: remembered(office, books[FALLBACK], moment).ask(call, moment),
        SYNCED: synced(office).ask(call, moment),
        FALLBACK: _of_rule(books[FALLBACK].first(call, moment)),
        LAST_RESORT: Hit(office.last_resort),
    }
    ranked = [
        {"tier": tier, "rule": one.rule.name, "place": one.rule.place, "in_force": one.in_force, "why": one.why}
        for tier in (OVERRIDE, FALLBACK)
        for one in books[tier].ranked(call, moment)
    ]
    return Explained(moment, [(tier, says[tier]) for tier in office.policies.of(call.did).order], ranked)


def _of_rule(rule: Rule | None) -> Verdict:
    return Miss() if rule is None else Hit(rule.route, rule=rule.name, next_route=rule.next_route)


def _told(tier: str, verdict: Verdict) -> Json:
    return {
        "tier": tier,
        "verdict": NAMES[type(verdict)],
        "rule": verdict.rule if isinstance(verdict, Hit) else "",
        "reason": reason_of(verdict),
        "route": verdict.route.fields if isinstance(verdict, Hit) else None,
        "next": next_of(verdict),
    }


def next_of(verdict: Verdict) -> dict[str, str] | None:
    """Return the fields of the route behind a hit's own, None where there is none."""
    return verdict.next_route.fields if isinstance(verdict, Hit) and verdict.next_route is not None else None


def read_moment(text: str, zone: tzinfo, now: datetime, name: str = "at") -> datetime:
    """Read a moment: ISO 8601, local time in the given zone unless it has an offset; "" is now. Returns UTC.

    Raises:
        FallbackrouterError: no such moment.
    """
    if not text:
        return now
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FallbackrouterError(f"{name} {text!r} is no moment; write it as 2026-03-08 02:30") from None


def rulebooks(office: Office, *, files: bool) -> dict[str, Rulebook]:
    """Return the rules that serve, or those of the files, by tier."""
    specs = None if files else serving_rules(office)
    if specs is None:
        specs = office.check(office.rules_dir).rules
    rules = load(dump(specs), load_zone)
    return {tier: Rulebook(rule for rule in rules if rule.tier == tier) for tier in (OVERRIDE, FALLBACK)}


def remembered(office: Office, fallback: Rulebook, at: datetime) -> RememberedTier:
    """Return what the journal remembers of the CRM's answers, as it counts at a moment."""
    kept = office.remembering
    tier = RememberedTier(
        max_entries=kept.max_entries,
        ttl_s=kept.ttl_s,
        max_stale_s=kept.max_stale_s,
        never=list(kept.never),
        gate=office.gate,
        fallback_rule=RuleTier(fallback).winner,
    )
    if office.journal.exists():
        not_before = at - timedelta(seconds=kept.max_stale_s)
        tier.absorb(read_remembered(office.journal, kept.max_entries, not_before))
    return tier


def synced(office: Office) -> SyncedTier:
    """Return the routes that the CRM fed us."""
    if not office.routes.exists():
        return SyncedTier()
    copy = RoutesCopy.load(office.routes, gate=office.gate, load_zone=load_zone, default_zone=office.zone_name)
    return SyncedTier(copy)
