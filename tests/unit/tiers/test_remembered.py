"""The remembered tier: freshness, staleness, what is never remembered, what others have learnt."""

from datetime import UTC, datetime, timedelta

from fallbackrouter.core.call import Call
from fallbackrouter.core.verdict import Hit, Invalid, Miss
from fallbackrouter.store.remembered import Forgotten, RememberedEntry
from fallbackrouter.tiers.remembered import RememberedTier, question_key
from tests.fakes.calls import GATE, call, route

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Store:
    def __init__(self) -> None:
        self.kept: dict[str, RememberedEntry] = {}

    def remember(self, entry: RememberedEntry) -> None:
        self.kept[entry.key] = entry

    def forget(self, key: str) -> None:
        self.kept.pop(key, None)


def hours(_call: Call, at: datetime) -> str:
    return "day" if 9 <= at.hour < 18 else "night"


def tier(store: Store | None = None, max_entries: int = 10) -> RememberedTier:
    return RememberedTier(
        max_entries=max_entries,
        ttl_s=300,
        max_stale_s=86_400,
        never=("ivr",),
        gate=GATE,
        fallback_rule=hours,
        store=store,
    )


def after(**length: float) -> datetime:
    return NOON + timedelta(**length)


def test_inside_its_ttl_an_answer_is_fresh_and_tells_its_age() -> None:
    memory = tier()
    memory.remember(call(), route(), None, NOON)
    assert memory.is_fresh(call(), after(seconds=300))
    assert memory.ask(call(), after(seconds=30)) == Hit(route(), age_s=30.0)


def test_stale_it_still_answers_while_the_same_hours_last() -> None:
    memory = tier()
    memory.remember(call(), route(), None, NOON)
    assert not memory.is_fresh(call(), after(hours=2))
    assert memory.ask(call(), after(hours=2)) == Hit(route(), age_s=7200.0)


def test_stale_it_is_silent_once_hours_have_changed() -> None:
    memory = tier()
    memory.remember(call(), route(), None, NOON)
    assert memory.ask(call(), after(hours=7)) == Miss("the remembered answer is from other hours")


def test_fresh_it_answers_although_hours_have_just_changed() -> None:
    memory = tier()
    memory.remember(call(), route(), None, datetime(2026, 3, 2, 17, 59, tzinfo=UTC))
    assert isinstance(memory.ask(call(), datetime(2026, 3, 2, 18, 1, tzinfo=UTC)), Hit)


def test_it_ends_at_max_stale() -> None:
    memory = tier()
    memory.remember(call(), route(), None, NOON)
    assert isinstance(memory.ask(call(), after(days=1)), Hit)
    assert memory.ask(call(), after(days=1, seconds=1)) == Miss("the remembered answer is too old")


def test_the_crm_may_say_how_long_and_zero_means_not_at_all() -> None:
    memory = tier()
    memory.remember(call(), route(), 10, NOON)
    assert not memory.is_fresh(call(), after(seconds=11))
    memory.remember(call(), route(), 0, NOON)
    assert memory.ask(call(), NOON) == Miss()


def test_some_apps_are_never_remembered_and_drop_what_was() -> None:
    memory = tier(store := Store())
    memory.remember(call(), route(), None, NOON)
    memory.remember(call(), route("ivr", "7"), None, NOON)
    assert memory.ask(call(), NOON) == Miss()
    assert store.kept == {}


def test_a_question_is_told_apart_by_did_caller_stage_line_and_extra() -> None:
    asked = [
        call(),
        call("74951111112"),
        call(caller="79507533334"),
        call(caller="anonymous"),
        call(stage="menu"),
        call(line="2"),
        call(extra=(("lang", "ru"),)),
    ]
    assert len({question_key(one) for one in asked}) == len(asked)
    assert question_key(call("+74951111111")) == question_key(call())


def test_it_is_bounded_and_the_least_recently_used_goes_first() -> None:
    memory = tier(max_entries=2)
    memory.remember(call("1"), route(), None, NOON)
    memory.remember(call("2"), route(), None, NOON)
    memory.ask(call("1"), NOON)
    memory.remember(call("3"), route(), None, NOON)
    assert len(memory) == 2
    assert memory.ask(call("2"), NOON) == Miss()
    assert isinstance(memory.ask(call("1"), NOON), Hit)


def test_a_clock_that_jumps_back_makes_it_no_older_than_new() -> None:
    memory = tier()
    memory.remember(call(), route(), None, NOON)
    assert memory.ask(call(), after(hours=-1)) == Hit(route(), age_s=0.0)


def test_what_no_longer_passes_the_gate_is_invalid() -> None:
    memory = tier()
    memory.absorb([RememberedEntry(question_key(call()), route("fax"), NOON, 300.0, "day")])
    assert isinstance(memory.ask(call(), NOON), Invalid)


def test_what_others_learn_and_forget_is_taken_over_unless_older() -> None:
    memory = tier(store := Store())
    key = question_key(call())
    memory.absorb([RememberedEntry(key, route(num="1"), NOON, 300.0, "day")])
    memory.absorb([RememberedEntry(key, route(num="0"), after(seconds=-5), 300.0, "day")])
    assert memory.ask(call(), NOON) == Hit(route(num="1"), age_s=0.0)
    memory.absorb([Forgotten(key, after(seconds=-5))])
    assert isinstance(memory.ask(call(), NOON), Hit)
    memory.absorb([Forgotten(key, NOON)])
    assert memory.ask(call(), NOON) == Miss()
    assert store.kept == {}


def test_a_change_writes_through() -> None:
    memory = tier(store := Store())
    memory.remember(call(), route(), None, NOON)
    assert store.kept[question_key(call())].fallback_rule == "day"
    memory.forget(call())
    assert store.kept == {}
