import re

import pytest

from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.dialplan.compose import compose, digest_in, is_untouched
from fallbackrouter.dialplan.numbers import MAX_NUMBERS
from fallbackrouter.dialplan.plan import Plan, Respelling
from fallbackrouter.dialplan.static import TooLargeError
from fallbackrouter.doctor.guard import read_dialplan

ROUTE = Route((("app", "group"), ("num", "62")))
ABOUT = ("FR_RULE", "FR_DECISION", "FR_STATUS", "FR_DEST", "FR_NEXT", "FR_SOURCE")


def plan(*rules: Rule, **more: object) -> Plan:
    given: dict[str, object] = {
        "policies": Policies(Policy()),
        "destination": lambda route: f"ext-group,{route.num},1",
        "rule_name": str,
        "variables": ("app", "num"),
        "about": ABOUT,
        "functions": ("CALLERID(name)",),
        **more,
    }
    return Plan(rules=rules, last_resort=ROUTE, **given)  # type: ignore[arg-type]  # a test's own words


def rule(name: str = "office", **more: object) -> Rule:
    return Rule(name, "fallback", ROUTE, **more)  # type: ignore[arg-type]  # a test's own words


@pytest.mark.parametrize("target", ["asterisk", "freepbx"])
@pytest.mark.parametrize("events", ["curl", "originate"])
def test_what_is_made_passes_doctor(target: str, events: str) -> None:
    text = compose(plan(rule(), destinations={"group": "x"}, target=target, events=events))
    reading = read_dialplan(text, {4573})
    assert reading.remarks == ()
    assert reading.asks == (2 if events == "originate" else 1)


@pytest.mark.parametrize("target", ["asterisk", "freepbx"])
@pytest.mark.parametrize("events", ["curl", "originate"])
def test_every_context_that_is_named_is_there(target: str, events: str) -> None:
    policies = Policies(Policy(), ((Condition(exact=frozenset({"1"})), Policy(order=("fallback",))),))
    text = compose(plan(rule(), destinations={"group": "x"}, target=target, events=events, policies=policies))
    steps = "\n".join(line.partition("  ; ")[0] for line in text.splitlines() if not line.startswith(";"))
    there = set(re.findall(r"^\[(.+)\]$", text, re.MULTILINE))
    named = set(re.findall(r"(fallbackrouter-[a-z0-9-]+)\b(?!/)", steps))
    assert named <= there
    assert len(re.findall(r"^\[", text, re.MULTILINE)) == len(there), "a context stands there twice"


def test_no_name_is_asked_and_no_macro_called() -> None:
    text = compose(plan(rule(), destinations={"group": "x"}))
    assert "Macro" not in text
    assert set(re.findall(r"(?:agi|http)://([^/]+)", text)) == {"127.0.0.1:4573", "127.0.0.1:4580"}


def test_the_heading_tells_files_apart() -> None:
    text, other = compose(plan(rule("a"))), compose(plan(rule("b")))
    assert digest_in(text)
    assert digest_in(text) == digest_in(compose(plan(rule("a")))) != digest_in(other)
    assert is_untouched(text)
    assert not is_untouched(text.replace("num=62", "num=63"))
    assert not is_untouched("[x]\n")
    assert digest_in("[x]\n") == ""


def test_too_many_places_are_refused_with_the_reason() -> None:
    rules = [rule(str(place)) for place in range(4)]
    with pytest.raises(TooLargeError, match=r"4 places .* more than dialplan\.max_rules \(3\).* reload"):
        compose(plan(*rules, max_rules=3))
    compose(plan(*rules, max_rules=4))


def test_too_many_numbers_are_refused_with_the_reason() -> None:
    many = Condition(exact=frozenset(map(str, range(MAX_NUMBERS + 1))))
    with pytest.raises(TooLargeError, match="write patterns instead"):
        compose(plan(rule(did=many)))


def test_equal_lists_stand_there_once() -> None:
    condition = Condition(exact=frozenset({"1", "2"}), patterns=(parse_pattern("_7X"), parse_pattern("_7[0-9]")))
    text = compose(plan(rule("a", did=condition), rule("b", caller=condition)))
    assert text.count("exten => 1,1,") == 1
    assert len(re.findall(r"^exten => _7", text, re.MULTILINE)) == 1, "two spellings of one pattern"


@pytest.mark.parametrize("target", ["asterisk", "freepbx"])
@pytest.mark.parametrize("events", ["curl", "originate"])
def test_every_line_is_explained_but_lists_and_routes(target: str, events: str) -> None:
    policies = Policies(Policy(), ((Condition(exact=frozenset({"1"})), Policy(order=("fallback",))),))
    rules = rule(did=Condition(exact=frozenset({"1"})), windows=(parse_window("09:00-18:00"),))
    more = {"has_region": True, "respellings": (Respelling(("_8X.",), 1, "7"),), "policies": policies}
    text = compose(plan(rules, destinations={"group": "x"}, target=target, events=events, **more))
    lines = [line for line in text.splitlines() if line.startswith(("exten", " same"))]
    bare = [line for line in lines if "  ; " not in line and not re.search(r",1,NoOp\(\)$|Set\((app|num)=", line)]
    assert bare == []
