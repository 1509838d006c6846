"""The gate: nothing from outside reaches a dialplan but what the configuration admits."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fallbackrouter.agi.answer import ABOUT, MAX_NAMES_BYTES, AnswerShape, question_commands
from fallbackrouter.agi.commands import MAX_LINE_BYTES
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import OK, Decision
from fallbackrouter.core.numbers import WITHHELD
from fallbackrouter.core.route import MAX_ANSWER_COST, MAX_VALUE_CHARS, Admitted, Gate, Refused, line_cost, printable

VARIABLES = ("app", "num", "time", "auto", "audio1", "text", "digium", "select")
APPS = {"group": ("num",), "external": ("num",), "ivr": ("num", "audio1"), "hangup": ()}
NUM = re.compile(r"[0-9A-Za-z_+*#.-]{1,40}")
EXTERNAL = re.compile(r"[0-9+]{3,15}")


def _gate(*, keep_quotes: bool = False, more: tuple[str, ...] = ()) -> Gate:
    return Gate(
        apps=APPS,
        num=NUM,
        external=EXTERNAL,
        variables=frozenset((*VARIABLES, *more)),
        functions=frozenset({"CALLERID(name)"}),
        keep_quotes=keep_quotes,
    )


GATE = _gate()


def _refusal(**fields: object) -> tuple[str, str]:
    checked = GATE.check(fields)
    assert isinstance(checked, Refused)
    return checked.reason, checked.field


def _admitted(gate: Gate = GATE, /, **fields: object) -> Admitted:
    checked = gate.check(fields)
    assert isinstance(checked, Admitted)
    return checked


def test_a_good_answer_passes_as_it_came() -> None:
    route = _admitted(app="group", num="62", time=100, auto=None, text="").route
    assert route.variables == (("app", "group"), ("num", "62"), ("time", "100"))
    assert (route.app, route.num, route.get("time"), route.get("auto")) == ("group", "62", "100", "")
    assert route.fields == {"app": "group", "num": "62", "time": "100"}


def test_functions_are_kept_apart_from_variables() -> None:
    checked = GATE.check({"CALLERID(name)": "Иван, Щит (Цех)", "app": "hangup", "text": "😀"})
    assert isinstance(checked, Admitted)
    assert checked.route.functions == (("CALLERID(name)", "Иван, Щит (Цех)"),)
    assert checked.route.variables == (("app", "hangup"), ("text", "😀"))


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({}, "no app", "app"),
        ({"app": ""}, "no app", "app"),
        ({"app": '"'}, "no app", "app"),
        ({"app": "System"}, "no app's name", "app"),
        ({"app": "fly"}, "unknown app fly", "app"),
        ({"app": "group"}, "needs num", "num"),
        ({"app": "ivr", "num": "1"}, "needs audio1", "audio1"),
        ({"app": "group", "num": "1,2"}, "answers.num", "num"),
        ({"app": "group", "num": "1\n"}, "control character", "num"),
        ({"app": "group", "num": 10**41}, "40 digits", "num"),
        ({"app": "external", "num": "*72"}, "answers.external", "num"),
        ({"app": "hangup", "time": "1.5"}, "number of seconds", "time"),
        ({"app": "hangup", "time": -1}, "number of seconds", "time"),
        ({"app": "hangup", "time": 1.5}, "a fraction", "time"),
        ({"app": "hangup", "auto": True}, "true or false", "auto"),
        ({"app": "hangup", "auto": ["x"]}, "a list", "auto"),
        ({"app": "hangup", "auto": {"x": 1}}, "a table", "auto"),
        ({"app": "hangup", "auto": b"x"}, "an unknown kind", "auto"),
        ({"app": "hangup", "audio1": "../../etc/passwd"}, "prompt's name", "audio1"),
        ({"app": "hangup", "audio1": "hello|x"}, "prompt's name", "audio1"),
        ({"app": "hangup", "audio1": "hello&x"}, "prompt's name", "audio1"),
        ({"app": "hangup", "text": "x" * (MAX_VALUE_CHARS + 1)}, "longer than 512", "text"),
        ({"app": "hangup", "text": "a\x85b"}, "control character", "text"),
        ({"app": "hangup", "text": "a\u2028b"}, "control character", "text"),
        ({"app": "hangup", "text": "a\ud800"}, "control character", "text"),
        ({"app": "hangup", "text": "," * 500}, "too long together", ""),
    ],
)
def test_a_bad_answer_is_refused_with_reason_and_field(fields: dict[str, object], reason: str, field: str) -> None:
    told, blamed = _refusal(**fields)
    assert reason in told
    assert blamed == field


def test_what_is_not_configured_is_left_out_and_told() -> None:
    hostile = {"app": "hangup", "SHELL(rm)": "x", "app\n": "x", "_app": "x", "APP": "x"}
    checked = GATE.check(hostile)
    assert isinstance(checked, Admitted)
    assert checked.route.fields == {"app": "hangup"}
    assert checked.left_out == ("SHELL(rm)", "app ", "_app", "APP")
    assert checked.notes[0] == "left out SHELL(rm): not in answers.variables"


def test_the_routers_own_names_are_left_out_even_where_the_configuration_lists_them() -> None:
    gate = _gate(more=("FR_SOURCE", "fr_rule"))
    checked = gate.check({"app": "hangup", "FR_SOURCE": "live", "fr_rule": "x"})
    assert isinstance(checked, Admitted)
    assert checked.route.fields == {"app": "hangup"}
    assert checked.left_out == ("FR_SOURCE", "fr_rule")


def test_many_unknown_names_are_told_in_few_notes() -> None:
    checked = GATE.check({"app": "hangup"} | {f"x{number}": "1" for number in range(1000)})
    assert isinstance(checked, Admitted)
    assert len(checked.notes) == 8
    assert len(checked.left_out) == 1000


def test_quotes_are_stripped_or_kept_as_configured() -> None:
    stripped = _admitted(app="hangup", text='a" | "1"="1')
    assert stripped.route.get("text") == "a | 1=1"
    assert stripped.notes == ("quotes stripped from text",)
    kept = _admitted(_gate(keep_quotes=True), app="hangup", text='"a"')
    assert kept.route.get("text") == '"a"'
    assert kept.notes == ()


def test_printable_makes_one_bounded_line() -> None:
    assert printable("a\r\nb\x00c\u2029d\ud800") == "a  b c d "
    assert printable("x" * 200) == "x" * 80
    assert printable("Привет", 3) == "При"


_nasty = st.text(alphabet=[*'abc019,()[]"\\ \n\r\x00\x7f\x9f\u2028$;|&.-+*#', "Ж", "😀", "\ud800"], max_size=60)
_values: st.SearchStrategy[Any] = st.one_of(
    _nasty,
    st.sampled_from(["62", "100", "beep", "group", "hangup", "+79507533333", "Ж" * 500, '"' * 300, "x" * 513]),
    st.integers(),
    st.sampled_from([None, True, 1.5, float("nan"), [], {}, b"x", 10**50, -(10**50)]),
)
_names = st.one_of(
    st.sampled_from(
        [*VARIABLES, "CALLERID(name)", "CALLERID(num)", "SHELL(x)", *ABOUT, "fr_source", "app\n", "", "__app"]
    ),
    _nasty,
)
_good = st.fixed_dictionaries(
    {"app": st.sampled_from(["group", "hangup", "external"]), "num": st.sampled_from(["62", "+79507533333"])},
    optional={
        "time": st.integers(0, 99999),
        "text": st.text(alphabet='Aя😀,()[]"\\ ', max_size=400),
        "digium": st.text(alphabet="Aя😀,()", max_size=200),
        "CALLERID(name)": st.text(alphabet='Aя😀,()[]"\\', max_size=100),
        "audio1": st.sampled_from(["beep", "ru/hello"]),
    },
)
_fields = st.one_of(_good, st.builds(dict.__or__, _good, st.dictionaries(_names, _values, max_size=3)))
_gates = st.sampled_from([GATE, _gate(keep_quotes=True), _gate(more=("FR_SOURCE",))])


def _shape() -> AnswerShape:
    """Return the widest shape there may be: names as long as they may be, and a destination."""
    filler = "v" * 60
    names = [*VARIABLES]
    while len(",".join([*names, f"{filler}{len(names)}"])) <= MAX_NAMES_BYTES:
        names.append(f"{filler}{len(names)}")
    return AnswerShape(tuple(names), {"group": "from-internal-with-a-long-name,{num},1", "external": "out,{num},1"})


SHAPE = _shape()


@given(_gates, _fields)
def test_whatever_comes_only_what_is_safe_passes(gate: Gate, fields: dict[str, Any]) -> None:
    checked = gate.check(fields)
    event(type(checked).__name__)
    if isinstance(checked, Refused):
        assert printable(checked.reason, 1000) == checked.reason
        return
    route = checked.route
    assert all(route.get(name) for name in ("app", *APPS[route.app]))
    assert {name for name, _ in route.variables} <= set(VARIABLES)
    assert {name for name, _ in route.functions} <= {"CALLERID(name)"}
    assert not [name for name in route.fields if name.upper().startswith("FR_")]
    assert all(0 < len(value) <= MAX_VALUE_CHARS for value in route.fields.values())
    assert gate.keep_quotes or not any('"' in value for value in route.fields.values())
    assert not {unicodedata.category(char) for char in "".join(route.fields.values())} & {"Cc", "Cs", "Zl", "Zp"}
    assert all(printable(text, 1000) == text for text in (*checked.notes, *checked.left_out))
    _check_shapes(route.fields)
    again = gate.check(route.fields)
    assert isinstance(again, Admitted)
    assert (again.route, again.notes) == (route, ())


def _check_shapes(fields: dict[str, str]) -> None:
    assert NUM.fullmatch(fields.get("num", "0"))
    assert fields["app"] != "external" or EXTERNAL.fullmatch(fields["num"])
    assert fields.get("time", "0").isdecimal()
    assert not set(" ,|&$\"'\n") & set(fields.get("audio1", ""))
    assert ".." not in fields.get("audio1", "")


@given(_gates, _fields, st.text(alphabet='r"\\,😀\n', max_size=100))
def test_what_passes_fits_the_lines_of_an_agi_answer(gate: Gate, fields: dict[str, Any], rule: str) -> None:
    checked = gate.check(fields)
    if isinstance(checked, Refused):
        return
    at = datetime(2026, 3, 2, tzinfo=UTC)
    decision = Decision("x" * 36, at, "node", Call(did=WITHHELD), checked.route, "last_resort", rule, OK, ())
    lines = question_commands(decision, recorded=False, shape=SHAPE)
    assert len(lines) == 1 + len(checked.route.functions)
    for line in lines:
        assert len(line.encode()) + 1 < MAX_LINE_BYTES
        assert not set(line) & set("\n\r\x00")
    event(f"most of the line is used: {max(len(line.encode()) for line in lines) > 1000}")


def test_the_largest_answer_that_passes_fits_too() -> None:
    gate = _gate(keep_quotes=True)
    fields = {"app": "group", "num": "7" * 40}
    room = MAX_ANSWER_COST - sum(map(line_cost, fields.values()))
    fields["text"] = '"' * (room // 4)
    checked = _admitted(gate, **fields)
    assert isinstance(gate.check(fields | {"auto": "12345"}), Refused)
    at = datetime(2026, 3, 2, tzinfo=UTC)
    decision = Decision("x" * 36, at, "node", Call(did=WITHHELD), checked.route, "last_resort", '"' * 80, OK, ())
    assert len(question_commands(decision, recorded=False, shape=SHAPE)[0].encode()) + 1 < MAX_LINE_BYTES
