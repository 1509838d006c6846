"""`routes`: the second of them is checked as what it becomes, a destination."""

from pathlib import Path

import pytest

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.clock import load_zone
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile.check import Checked, check_rules
from fallbackrouter.rulesfile.compiled import dump, load
from tests.fakes.calls import GATE

SHAPE = AnswerShape(("app", "num", "time"), {"queue": "ext-queues,{num},1", "hangup": "app-blackhole,hangup,1"})
FIRST = "{app: group, num: 62, time: 60}"
SECOND = "{app: queue, num: 700}"


def _check(tmp_path: Path, text: str) -> Checked:
    (tmp_path / "a.yaml").write_text(f"- name: a\n{text}\n", encoding="utf-8")
    return check_rules(
        tmp_path,
        gate=GATE,
        read_number=Numbering("").read,
        load_zone=load_zone,
        default_zone="",
        destination=SHAPE.destination,
    )


def test_a_second_route_comes_through_as_it_was_meant(tmp_path: Path) -> None:
    checked = _check(tmp_path, f"  routes: [{FIRST}, {SECOND}]")
    assert checked.problems == ()
    (rule,) = load(dump(checked.rules), load_zone)
    assert rule.route.fields == {"app": "group", "num": "62", "time": "60"}
    assert rule.next_route is not None
    assert SHAPE.destination(rule.next_route) == "ext-queues,700,1"
    (alone,) = load(dump(_check(tmp_path, f"  route: {FIRST}").rules), load_zone)
    assert (alone.route, alone.next_route) == (rule.route, None)


LONG = "{app: auto, text: '" + "x" * 512 + "', audio1: " + "x" * 190 + ", digium: '" + "x" * 400 + "'}"


@pytest.mark.parametrize(
    ("text", "place", "what", "remedy"),
    [
        ("  routes: a", "2:3", "no list of two", "route:"),
        ("  routes: []", "2:3", "0 entries", "route:"),
        (f"  routes: [{SECOND}]", "2:3", "1 entries", "route:"),
        (f"  routes: [{FIRST}, {SECOND}, {SECOND}]", "2:3", "3 entries", "route:"),
        (f"  routes: [{FIRST}, {SECOND}]\n  route: {FIRST}", "2:3", "both", "leave one"),
        (f"  routes: [{FIRST}, 700]", "2:45", "no table", "app"),
        (f"  routes: [{FIRST}, {{app: queue}}]", "2:45", "needs num", "num"),
        (f"  routes: [{FIRST}, {{app: ivr, num: 7}}]", "2:45", "[destinations] has no place for its app ivr", "ivr ="),
        (f"  routes: [{FIRST}, {{app: hangup, CALLERID(name): x}}]", "2:45", "cannot write CALLERID", "take it out"),
        (f"  routes: [{LONG}, {SECOND}]", "2:12", "no room", "shorten"),
    ],
)
def test_what_could_not_reach_the_dialplan_is_an_error(
    tmp_path: Path, text: str, place: str, what: str, remedy: str
) -> None:
    checked = _check(tmp_path, text)
    (problem,) = checked.problems
    assert (problem.severity, f"{problem.line}:{problem.column}") == ("error", place)
    assert what in problem.what
    assert remedy in problem.remedy


def test_what_a_second_route_holds_in_vain_is_a_warning(tmp_path: Path) -> None:
    checked = _check(tmp_path, f"  routes: [{FIRST}, {{app: queue, num: 700, time: 30}}]")
    (problem,) = checked.problems
    assert (problem.severity, problem.what.split(" reaches")[0]) == ("warning", "the second route's time")
    assert checked.rules
