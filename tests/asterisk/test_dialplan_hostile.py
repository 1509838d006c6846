"""Texts of rules, callers and trunks that mean something to a dialplan's parsers stay texts in the compiled one."""

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.dialplan.spell import value
from fallbackrouter.dialplan.static import Static
from tests.asterisk.compiled import NAMES, Asked, ask_all, plan_of
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.rule_sets import LAST_RESORT, winner

pytestmark = pytest.mark.asterisk

TEXTS = (
    "a; b",
    "--; ;-- c ;",
    "${SHELL(touch /tmp/x)}",
    "$[1 + 1]",
    "$",
    "{}}{",
    "a,b,,c",
    "a(b",
    "a)b)",
    "[x]y[",
    'say "hello"',
    '"',
    "back\\slash\\",
    "\\n\\;",
    "=> same => n,Hangup()",
    "#include x",
    " blanks  around ",
    "50% off %41",
    "a+b&c=d|e^f~g`h'i<j>",
    "Привет, мир 📞",
    "x" * 500,
    '(;")$[{' * 20,
)
NUMBERS = ("1,2", "1(2", '1"2', "1\\2", "1]2", "12)", "1;2", "1 2", "[12", "12,x(", "_1X", "+12", "12", "-12", "1}2")


def test_a_value_arrives_as_it_is(exchange: Exchange) -> None:
    rules = [
        Rule(
            name=text[:80],
            tier="fallback",
            route=Route((("app", "group"), ("text", text)), (("CALLERID(name)", text),)),
            did=Condition(exact=frozenset({str(place)})),
            place=text[:60],
        )
        for place, text in enumerate(TEXTS)
    ]
    asked = Asked(plan_of(rules, LAST_RESORT), [(str(place), "1001", "init") for place in range(len(TEXTS))])
    ask_all(exchange, [asked])
    for text, answer in zip(TEXTS, asked.answers, strict=True):
        got = {name: answer[name] for name in ("app", "num", "text", "FR_RULE", "FR_SOURCE")}
        assert got == {"app": "group", "num": "", "text": text, "FR_RULE": text[:80], "FR_SOURCE": "static"}
    assert set(asked.answers[0]) == set(NAMES)


def _rules() -> tuple[Rule, ...]:
    patterns = {text: parse_pattern(text) for text in ("_1.", "_1X", "_12", "_1XX!", "_X!")}
    dids = [
        Rule(f"did {text}", "fallback", LAST_RESORT, did=Condition(patterns=(pattern,)))
        for text, pattern in patterns.items()
    ]
    callers = [
        Rule(f"caller {text}", "fallback", LAST_RESORT, caller=Condition(patterns=(pattern,)), priority=-1)
        for text, pattern in patterns.items()
    ]
    return (*dids, *callers, Rule("exact", "fallback", LAST_RESORT, did=Condition(exact=frozenset({"12"}))))


def _winner(did: str, caller: str) -> str:
    call = Call(did=read_number(did, None), caller=read_number(caller, None))
    return winner(_rules(), Policies(Policy()), call, SystemClock().now_at())


@pytest.mark.parametrize("number", NUMBERS)
def test_a_hostile_number_meets_the_rules_that_the_router_would_find(exchange: Exchange, number: str) -> None:
    plan = plan_of(_rules(), LAST_RESORT, prefix="hostile")
    enter = f"""
[enter-did]
exten => _[!-~].,1,Gosub(hostile-static,s,1(${{EXTEN}},init))
 same => n,{STOP_HERE}
[enter-caller]
exten => s,1,Set(CALLERID(num)={value(number)})
 same => n,Gosub(hostile-static,s,1(none,init))
 same => n,{STOP_HERE}
"""
    exchange.load("\n".join([*Static(plan).contexts(), enter]))
    names = ("FR_RULE", "FR_SOURCE")
    told = exchange.values(exchange.call(number, "enter-did"), names)
    assert told == [_winner(number, ""), "static"]
    told = exchange.values(exchange.call("s", "enter-caller"), names)
    assert told == [_winner("none", number), "static"]
