"""Conditions, when a rule is in force, and which policy counts for a call."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fallbackrouter.core.numbers import WITHHELD, read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import ANYONE, Condition, Rule
from fallbackrouter.core.schedule import parse_window

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
ROUTE = Route((("app", "hangup"),))
SOON = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("condition", "matching"),
    [
        (ANYONE, ["12", "+12", "9", ""]),
        (Condition(), []),
        (Condition(exact=frozenset({"12"})), ["12", "+12"]),
        (Condition(patterns=(parse_pattern("_1X"), parse_pattern("_9"))), ["12", "9"]),
        (Condition(patterns=(parse_pattern("_!"),)), ["12", "+12", "9"]),
        (Condition(withheld=True), [""]),
        (Condition(exact=frozenset({"9"}), withheld=True), ["9", ""]),
    ],
)
def test_a_condition_holds_where_any_part_of_it_does(condition: Condition, matching: list[str]) -> None:
    numbers = ["12", "+12", "9", ""]
    assert [text for text in numbers if condition.matches(read_number(text, None))] == matching


def test_a_pattern_is_tried_on_each_spelling() -> None:
    number = read_number("89507533333", lambda dialled: "+7" + dialled[1:])
    for text in ("_8950X.", "_7950X.", "_+7950X."):
        assert Condition(patterns=(parse_pattern(text),)).matches(number)


def test_a_rule_without_hours_always_holds() -> None:
    assert Rule("r", "fallback", ROUTE).holds_at(AT)


def test_validity_holds_its_start_and_not_its_end() -> None:
    rule = Rule("r", "fallback", ROUTE, valid_from=AT, valid_until=AT + SOON)
    assert [rule.holds_at(at) for at in (AT - SOON, AT, AT + SOON)] == [False, True, False]


def test_one_window_of_several_is_enough_and_validity_still_binds() -> None:
    windows = (parse_window("09:00-10:00"), parse_window("12:00-12:00"))
    assert Rule("r", "fallback", ROUTE, windows=windows).holds_at(AT)
    assert not Rule("r", "fallback", ROUTE, windows=windows[:1]).holds_at(AT)
    assert not Rule("r", "fallback", ROUTE, windows=windows, valid_until=AT).holds_at(AT)


def test_hours_are_those_of_the_rules_zone() -> None:
    morning = (parse_window("14:30-15:30,mon"),)
    assert Rule("r", "fallback", ROUTE, windows=morning, zone=ZoneInfo("Europe/Moscow")).holds_at(AT)
    assert not Rule("r", "fallback", ROUTE, windows=morning, zone=ZoneInfo("Asia/Tokyo")).holds_at(AT)
    assert not Rule("r", "fallback", ROUTE, windows=morning).holds_at(AT)


def test_the_first_policy_whose_did_matches_counts() -> None:
    default, toll_free, all_eights = Policy(), Policy(live_ms=150), Policy(live_ms=10)
    policies = Policies(
        default,
        (
            (Condition(patterns=(parse_pattern("_8800X."),)), toll_free),
            (Condition(patterns=(parse_pattern("_8X."),)), all_eights),
        ),
    )
    dids = ["88005553535", "84951111111", "112"]
    assert [policies.of(read_number(did, None)) for did in dids] == [toll_free, all_eights, default]
    assert policies.of(WITHHELD) is default
    assert Policies(default).of(read_number("112", None)) is default
