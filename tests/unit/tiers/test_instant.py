"""The tiers of rules and of synced routes."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from fallbackrouter.core.call import Call
from fallbackrouter.core.route import Refused
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.verdict import Hit, Invalid, Miss
from fallbackrouter.tiers.rules import RuleTier
from fallbackrouter.tiers.synced import SyncedTier
from tests.fakes.calls import call, route

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Table:
    """A route table that says one thing."""

    def __init__(self, says: Rule | Refused | None, *, count: int = 1, synced_at: datetime | None = None) -> None:
        self.says = says
        self.count = count
        self.synced_at = synced_at

    def first(self, call: Call, at: datetime) -> Rule | Refused | None:
        return self.says


def rule(name: str = "r1", did: str = "74951111111") -> Rule:
    return Rule(name=name, tier="fallback", route=route(), did=Condition(exact=frozenset({did})))


def test_a_rule_that_wins_is_a_hit_with_its_name() -> None:
    tier = RuleTier(Rulebook([rule()]))
    assert tier.ask(call(), NOON) == Hit(route(), rule="r1")
    assert tier.winner(call(), NOON) == "r1"
    assert tier.ask(call("2"), NOON) == Miss()
    assert tier.winner(call("2"), NOON) == ""


def test_a_rule_brings_its_second_route() -> None:
    tier = RuleTier(Rulebook([replace(rule(), next_route=route("hangup"))]))
    assert tier.ask(call(), NOON) == Hit(route(), rule="r1", next_route=route("hangup"))


def test_rules_are_swapped_between_two_calls() -> None:
    tier = RuleTier(Rulebook([rule("old")]))
    tier.swap(Rulebook([rule("new")]))
    assert tier.ask(call(), NOON) == Hit(route(), rule="new")


def test_a_synced_route_tells_the_tables_age() -> None:
    tier = SyncedTier(Table(rule(), synced_at=NOON - timedelta(seconds=90)))
    assert tier.ask(call(), NOON) == Hit(route(), rule="r1", age_s=90.0)


def test_old_routes_are_used_and_the_trail_says_that_they_are_old() -> None:
    tier = SyncedTier(Table(rule(), synced_at=NOON - timedelta(seconds=90)), stale_after_s=89)
    old = tier.ask(call(), NOON)
    assert isinstance(old, Hit)
    assert old.notes == ("the routes are old: the feed said nothing for longer than sync.stale_after_s",)
    young = SyncedTier(Table(rule(), synced_at=NOON - timedelta(seconds=90)), stale_after_s=90).ask(call(), NOON)
    assert isinstance(young, Hit)
    assert young.notes == ()


def test_a_synced_route_that_may_not_reach_a_dialplan_is_invalid() -> None:
    assert SyncedTier(Table(Refused("unknown app fax"))).ask(call(), NOON) == Invalid("unknown app fax")


def test_not_known_and_never_synced_are_told_apart() -> None:
    assert SyncedTier(Table(None)).ask(call(), NOON) == Miss()
    assert SyncedTier().ask(call(), NOON) == Miss("no routes were synced")
    assert SyncedTier(Table(rule(), count=0)).ask(call(), NOON) == Miss("no routes were synced")


def test_swapping_returns_the_former_table() -> None:
    first, second = Table(None), Table(rule())
    tier = SyncedTier()
    assert tier.swap(first) is None
    assert tier.swap(second) is first
    assert isinstance(tier.ask(call(), NOON), Hit)
