"""An answer sets every name, says who gave it, and always fits one AGI line."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.agi.answer import (
    ABOUT,
    AnswerShape,
    answer_variables,
    event_commands,
    question_commands,
)
from fallbackrouter.agi.commands import MAX_LINE_BYTES
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Event
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.route import Admitted, Gate, Refused, Route, leaves_room_for_next
from tests.fakes.asterisk import obey

NAMES = ("app", "num", "time", "auto", "audio1", "text", "digium", "select")
SHAPE = AnswerShape(NAMES, {"group": "ext-group,{num},1", "hangup": "app-blackhole,hangup,1"})
CALL = Call(did=read_number("74951111111", None))
AT = datetime(2026, 3, 2, tzinfo=UTC)
ID = "019f0000-0000-7000-8000-000000000001"


def decision(route: Route, rule: str = "", status: str = "ok", then: Route | None = None) -> Decision:
    return Decision(ID, AT, "pbx1", CALL, route, "fallback", rule, status, (), next_route=then)


def shown(commands: list[str]) -> dict[str, str]:
    variables = {"num": "stale", "audio1": "stale", "FR_DEST": "stale", "FR_NEXT": "stale"}
    for command in commands:
        assert obey(variables, command.encode()) == b"200 result=1\n"
    return variables


GROUP = Route((("app", "group"), ("num", "62"), ("time", "100")))


def test_every_name_is_set_and_nothing_stale_stays() -> None:
    variables = shown(question_commands(decision(GROUP, "night, (short)"), recorded=True, shape=SHAPE))
    assert variables == {
        **dict.fromkeys(NAMES, ""),
        "app": "group",
        "num": "62",
        "time": "100",
        "FR_SOURCE": "fallback",
        "FR_RULE": "night, (short)",
        "FR_DECISION": ID,
        "FR_STATUS": "ok",
        "FR_DEST": "ext-group,62,1",
        "FR_NEXT": "",
    }


def test_functions_come_first_and_the_array_last() -> None:
    route = Route((("app", "hangup"),), (("CALLERID(name)", 'A "B"'),))
    commands = question_commands(decision(route), recorded=True, shape=SHAPE)
    assert [command.split(" ")[2].split("(")[0] for command in commands] == ["CALLERID", "ARRAY"]
    variables = shown(commands)
    assert variables["CALLERID(name)"] == 'A "B"'
    assert variables["FR_DEST"] == "app-blackhole,hangup,1"


def test_a_line_cut_short_is_no_answer() -> None:
    """Asterisk carries out what it has of a line when the connection ends (seen on 22 and 16)."""
    (line,) = question_commands(decision(Route(GROUP.variables), "night"), recorded=True, shape=SHAPE)
    whole = shown([line])
    for end in range(1, len(line)):
        variables = {"FR_SOURCE": ""}
        obey(variables, line[:end].encode())
        if variables["FR_SOURCE"]:
            assert {**variables, "FR_SOURCE": "fallback"} == whole, line[:end]
            assert "fallback".startswith(variables["FR_SOURCE"])


@pytest.mark.parametrize(
    ("recorded", "status", "said"),
    [
        (True, "ok", "ok"),
        (True, "degraded", "degraded"),
        (False, "ok", "unrecorded"),
        (False, "degraded", "unrecorded"),
    ],
)
def test_the_status(recorded: bool, status: str, said: str) -> None:
    assert dict(answer_variables(decision(GROUP, status=status), recorded, SHAPE))["FR_STATUS"] == said


@pytest.mark.parametrize(
    ("app", "num", "dest"),
    [
        ("group", "62", "ext-group,62,1"),
        ("queue", "62", ""),
        ("group", "62,2&h", ""),
        ("group", "", ""),
        ("group", "6" * 200, ""),
        ("hangup", "", "app-blackhole,hangup,1"),
    ],
)
def test_a_destination_is_whole_or_empty(app: str, num: str, dest: str) -> None:
    variables = tuple((name, value) for name, value in (("app", app), ("num", num)) if value)
    assert SHAPE.destination(Route(variables)) == dest


def test_the_second_route_is_the_next_destination() -> None:
    hangup = Route((("app", "hangup"),))
    variables = dict(answer_variables(decision(GROUP, then=hangup), recorded=True, shape=SHAPE))
    assert (variables["FR_DEST"], variables["FR_NEXT"]) == ("ext-group,62,1", "app-blackhole,hangup,1")
    assert list(variables)[-2:] == ["FR_NEXT", "FR_SOURCE"]
    unmapped = decision(GROUP, then=Route((("app", "queue"), ("num", "7"))))
    assert dict(answer_variables(unmapped, recorded=True, shape=SHAPE))["FR_NEXT"] == ""
    unknown = AnswerShape(NAMES)
    assert dict(answer_variables(decision(GROUP, then=hangup), recorded=True, shape=unknown))["FR_NEXT"] == ""


def test_without_destinations_fr_dest_is_set_empty() -> None:
    assert dict(answer_variables(decision(GROUP), recorded=True, shape=AnswerShape(NAMES)))["FR_DEST"] == ""


def test_a_rule_name_cannot_leave_its_place() -> None:
    hostile = 'x\n200 result=1"\\' + "📞" * 80
    variables = shown(question_commands(decision(GROUP, hostile), recorded=True, shape=SHAPE))
    assert variables["FR_RULE"].startswith('x 200 result=1"\\📞📞')
    assert variables["FR_SOURCE"] == "fallback"


def test_an_event_is_acknowledged() -> None:
    event = Event("e", AT, "pbx1", CALL, decision_id=ID)
    taken = {"FR_SOURCE": "event", "FR_DECISION": ID, "FR_STATUS": "ok"}
    assert shown(event_commands(event, recorded=True)).items() >= taken.items()
    assert shown(event_commands(event, recorded=False))["FR_STATUS"] == "unrecorded"


@pytest.mark.parametrize(
    ("names", "destinations"),
    [
        (("app", "FR_RULE"), {}),
        (("app", "fr_x"), {}),
        (("app", "a b"), {}),
        (tuple(f"name{number}" for number in range(60)), {}),
        (tuple(f"n{number}" for number in range(95)), {}),
        (("app",), {"group": "x" * 90}),
        (("app",), {"group": "a,b\n,1"}),
    ],
)
def test_a_shape_that_cannot_be_said_is_refused(names: tuple[str, ...], destinations: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        AnswerShape(names, destinations)


WIDEST = (*(f"{number:02}n"[::-1] for number in range(60)), "app", "num", "text")
GATE = Gate({"group": ("num",)}, re.compile(".{1,40}"), re.compile("x"), frozenset(WIDEST), keep_quotes=True)
WIDE = AnswerShape(WIDEST, {"group": f"{'x' * 62},{{num}},1"})
texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=90) | st.text('"\\,', max_size=300)
gated = st.dictionaries(st.sampled_from(WIDEST), texts, max_size=9).map(lambda fields: {**fields, "app": "group"})


NEXT = Route((("app", "group"), ("num", "6" * 40)))


def check_line(fields: dict[str, str], rule: str) -> int:
    """Check that an answer fits its line and arrives; return the line's bytes."""
    admitted = GATE.check(fields)
    assert isinstance(admitted, Admitted)
    (line,) = question_commands(decision(admitted.route, rule, then=NEXT), recorded=False, shape=WIDE)
    variables = shown([line])
    assert {name: variables[name] for name in WIDEST if variables[name]} == dict(admitted.route.variables)
    assert set(ABOUT) <= set(variables)
    return len(line.encode()) + 1


@given(gated, texts, st.sampled_from(['"', "62", "я" * 40]))
def test_what_passed_the_gate_fits_a_line(fields: dict[str, str], rule: str, num: str) -> None:
    fields["num"] = num
    if isinstance(GATE.check(fields), Admitted):
        assert check_line(fields, rule) < MAX_LINE_BYTES


def test_the_largest_answer_fits_a_line() -> None:
    num = "6" * 40
    fields = {"app": "group", "num": num, "text": "x" * 3 + '"' * 288}
    assert isinstance(GATE.check({**fields, "text": fields["text"] + "x"}), Refused)
    assert 1900 < check_line(fields, '"' * 80) < MAX_LINE_BYTES


def test_the_largest_answer_with_a_second_destination_fits_a_line() -> None:
    num = "6" * 40
    fields = {"app": "group", "num": num, "text": "x" * 3 + '"' * 258}
    for more, fits in (("", True), ("x", False)):
        admitted = GATE.check({**fields, "text": fields["text"] + more})
        assert isinstance(admitted, Admitted)
        given = decision(admitted.route, '"' * 80, then=NEXT)
        assert leaves_room_for_next(admitted.route) == fits
        assert bool(dict(answer_variables(given, recorded=True, shape=WIDE))["FR_NEXT"]) == fits
        (line,) = question_commands(given, recorded=False, shape=WIDE)
        assert 1800 < len(line.encode()) + 1 < MAX_LINE_BYTES
