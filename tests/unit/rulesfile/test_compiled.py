"""The compiled set: bytes and back."""

import json
import subprocess
import sys
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fallbackrouter.clock import load_zone
from fallbackrouter.core.errors import RulesError
from fallbackrouter.core.numbers import read_number
from fallbackrouter.rulesfile import compiled
from fallbackrouter.rulesfile.compiled import DatesSpec, NumbersSpec, RuleSpec, digest, dump, load, load_specs

GROUP = (("app", "group"), ("num", "62"))
FULL = RuleSpec(
    name="главный офис",
    tier="override",
    variables=(*GROUP, ("time", "60")),
    functions=(("CALLERID(name)", "Клиент"),),
    did=NumbersSpec(exact=("74951111111",), patterns=("_7499XXXXXXX",)),
    caller=NumbersSpec(withheld=True),
    stages=("init", "night"),
    windows=("09:00-18:00,mon-fri,*,*",),
    timezone="Europe/Moscow",
    priority=-5,
    place="head-office.yaml:12",
)


def test_a_rule_comes_back_as_it_was_meant() -> None:
    (rule,) = load(dump([FULL]), load_zone)
    assert (rule.name, rule.tier, rule.priority, rule.place) == (FULL.name, "override", -5, "head-office.yaml:12")
    assert rule.route.fields == {"app": "group", "num": "62", "time": "60", "CALLERID(name)": "Клиент"}
    assert rule.did.exact == {"74951111111"}
    assert rule.did.matches(read_number("74991234567", None))
    assert rule.caller.matches(read_number("anonymous", None))
    assert not rule.caller.matches(read_number("632", None))
    assert rule.stages == {"init", "night"}
    assert [window.text for window in rule.windows] == ["09:00-18:00,mon-fri,*,*"]
    assert rule.zone == ZoneInfo("Europe/Moscow")


def test_a_second_route_comes_back_and_needs_the_newer_format() -> None:
    spec = msgspec.structs.replace(FULL, next_variables=(("app", "hangup"),))
    (rule,) = load(dump([spec]), load_zone)
    assert rule.next_route is not None
    assert rule.next_route.fields == {"app": "hangup"}
    assert [json.loads(dump(specs))["v"] for specs in ([], [FULL], [FULL, spec])] == [1, 1, 2]


def test_dates_come_back_and_need_the_newer_format() -> None:
    few, many = DatesSpec(days=("2026-01-01",)), DatesSpec(days=tuple(f"2026-01-{day:02}" for day in range(1, 32)))
    spec = msgspec.structs.replace(FULL, windows=(), dates=many, except_dates=few)
    body = dump([spec])
    assert json.loads(body)["v"] == 2
    assert load_specs(body) == (spec,)
    (rule,) = load(body, load_zone)
    assert tuple(one.text for one in rule.dates) == many.days
    assert (rule.except_dates.ranges[0].first, rule.zone) == (20260101, ZoneInfo("Europe/Moscow"))


@pytest.mark.parametrize(
    ("first", "second"),
    [(GROUP, (("num", "62"),)), (GROUP, (("app", "a\nb"),)), ((*GROUP, ("text", "x" * 1100)), GROUP)],
)
def test_a_second_route_that_no_check_lets_through_is_refused(first: Any, second: Any) -> None:
    spec = msgspec.structs.replace(FULL, variables=first, functions=(), next_variables=second)
    with pytest.raises(RulesError):
        load(dump([spec]), load_zone)


def test_a_rule_without_windows_needs_no_zone() -> None:
    spec = msgspec.structs.replace(FULL, windows=(), timezone="")
    (rule,) = load(dump([spec]), _no_zone)
    assert rule.zone is None


def _no_zone(name: str) -> tzinfo | None:
    raise AssertionError(f"{name!r} was asked for")


_texts = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
_numbers = st.builds(
    NumbersSpec,
    any=st.booleans(),
    withheld=st.booleans(),
    exact=st.lists(st.from_regex(r"[0-9]{3,5}", fullmatch=True), max_size=150, unique=True).map(
        lambda keys: tuple(sorted(keys))
    ),
    patterns=st.lists(st.sampled_from(["_X.", "_7495XXXXXXX", "_[1-3]!"]), max_size=3, unique=True).map(tuple),
)
_specs = st.lists(
    st.builds(
        RuleSpec,
        name=_texts,
        tier=st.sampled_from(["fallback", "override"]),
        variables=st.just(GROUP),
        did=_numbers,
        caller=_numbers,
        stages=st.sampled_from([(), ("init",)]),
        windows=st.sampled_from([(), ("*,mon,*,*", "08:00-09:00")]),
        timezone=st.sampled_from(["", "Asia/Tokyo"]),
        priority=st.integers(-1_000_000, 1_000_000),
    ),
    max_size=6,
    unique_by=lambda spec: (spec.tier, spec.name),
).map(tuple)


@settings(max_examples=50)
@given(_specs)
def test_bytes_and_back_keep_every_rule_and_its_order(specs: tuple[RuleSpec, ...]) -> None:
    body = dump(specs)
    assert load_specs(body) == specs
    assert dump(load_specs(body)) == body
    rules = load(body, load_zone)
    assert [(rule.tier, rule.name, rule.priority) for rule in rules] == [(s.tier, s.name, s.priority) for s in specs]
    assert [rule.did.exact for rule in rules] == [frozenset(spec.did.exact) for spec in specs]


def test_a_long_list_is_stored_and_held_once() -> None:
    keys = tuple(f"7495{number:07d}" for number in range(1_000))
    listed = NumbersSpec(exact=keys)
    specs = [msgspec.structs.replace(FULL, name=str(number), did=listed, caller=listed) for number in range(20)]
    body = dump(specs)
    assert len(body) < 2 * len(dump(specs[:1]))
    rules = load(body, load_zone)
    assert rules[0].did.exact == set(keys)
    assert len({id(condition.exact) for rule in rules for condition in (rule.did, rule.caller)}) == 1


def test_the_digest_tells_sets_apart() -> None:
    other = msgspec.structs.replace(FULL, priority=1)
    assert digest(dump([FULL])) == digest(dump([FULL]))
    assert digest(dump([FULL])) != digest(dump([other]))


def _body(**changes: Any) -> bytes:
    rule = {"name": "a", "tier": "fallback", "variables": [["app", "group"]], **changes}
    return json.dumps({"v": 1, "lists": [], "rules": [rule]}).encode()


def test_the_smallest_body_is_good() -> None:
    assert load(_body(), load_zone)[0].did.any


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"null",
        b"[" * 200_000,
        b'{"v":3,"lists":[],"rules":[]}',
        b'{"v":1,"lists":[],"rules":[],"more":1}',
        _body(name=""),
        _body(dates={"days": ["2026-02-30"]}),
        _body(dates={"shared": 0}),
        _body(except_dates={"shared": -2}),
        _body(name="a\nb"),
        _body(name="a" * 81),
        _body(tier="synced"),
        _body(priority=10_000_000),
        _body(stages=["In it"]),
        _body(valid_until="soon"),
        _body(valid_until="0001-01-01T00:00+14:00"),
        _body(did={"patterns": ["_[5-3]"]}),
        _body(did={"shared": 0}),
        _body(did={"shared": -2}),
        _body(windows=["24:00-25:00"]),
        _body(windows=["*"], timezone="Mars/Olympus"),
        _body(variables=[]),
        _body(variables=[["num", "1"]]),
        _body(variables=[["app", "group"], ["FR_SOURCE", "x"]]),
        _body(variables=[["app", "group"], ["SHELL(id)", "x"]]),
        _body(variables=[["app", "group\nSET VARIABLE x y"]]),
        _body(variables=[["app", "group"], ["text", "x" * 2_000]]),
        _body(functions=[["CALLERID", "x"]]),
        _body(colour="red"),
        json.dumps(
            {"v": 1, "lists": [], "rules": [{"name": "a", "tier": "fallback", "variables": GROUP}] * 2}
        ).encode(),
    ],
)
def test_bytes_that_no_check_wrote_are_refused_in_one_sentence(body: bytes) -> None:
    with pytest.raises(RulesError, match="rules apply"):
        load(body, load_zone)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MAX_RULES", 1)
    with pytest.raises(RulesError, match="more than 1 rules"):
        load(dump([FULL, msgspec.structs.replace(FULL, name="b")]), load_zone)
    monkeypatch.setattr(compiled, "MAX_BODY_BYTES", 10)
    with pytest.raises(RulesError, match="larger"):
        load(dump([FULL]), load_zone)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with pytest.raises(RulesError):
        load(body, load_zone)


def test_a_condition_is_described_for_people() -> None:
    assert NumbersSpec(any=True).describe() == "any"
    assert NumbersSpec(withheld=True, patterns=("_X.",), exact=("1",)).describe() == "withheld, _X., 1"
    assert NumbersSpec(exact=("1", "2", "3", "4", "5")).describe() == "1, 2, 3, and 2 more"


def test_reading_compiled_rules_brings_no_yaml_into_the_process() -> None:
    code = "import sys, fallbackrouter.rulesfile.compiled; print([m for m in sys.modules if 'ruamel' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
