"""The gate for calls: what is asked for and not named is refused, and nothing that steers passes."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fallbackrouter.core.call_gate import Asked, CallGate
from fallbackrouter.core.endpoint import parse_channel_pattern, read_channel
from fallbackrouter.core.errors import PatternError
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.route import Refused
from fallbackrouter.core.rule import Condition
from fallbackrouter.core.schedule import parse_window

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FIELDS: dict[str, object] = {
    "id": "crm-1",
    "channel": "Local/632@inbound",
    "callerid": '"Иван" <79507533333>',
    "context": "outbound",
    "exten": "74951111111",
    "variables": {"crm": "3D32599_CONTACT", "text": "тест, да", "queue": 1},
}


def _number(text: str) -> Number:
    return read_number(text, None)


GATE = CallGate(
    contexts=frozenset({"outbound"}),
    channels=(parse_channel_pattern("Local/_XXX@inbound"),),
    variables=frozenset({"crm", "text", "queue"}),
    callers=Condition(exact=frozenset({"79507533333"})),
    exten=re.compile("[0-9]{2,11}"),
    windows=(),
    zone=UTC,
    do_not_call=Condition(exact=frozenset({"74952222222", "633"})),
    read_number=_number,
    place=lambda fields: ("outbound", "62", "1") if fields.get("app") == "group" else Refused("no such app"),
    timeout_s=30,
    not_after_s=60,
)


def _asked(**changed: object) -> Asked:
    asked = GATE.check({**FIELDS, **changed}, NOW)
    assert isinstance(asked, Asked)
    return asked


def _refused(changed: dict[str, object], gate: CallGate = GATE) -> str:
    refused = gate.check({**FIELDS, **changed}, NOW)
    assert isinstance(refused, Refused)
    return refused.reason


def test_what_is_named_passes_letter_by_letter() -> None:
    asked = _asked()
    wanted = asked.wanted
    assert (asked.crm_id, wanted.channel, wanted.context) == ("crm-1", "Local/632@inbound", "outbound")
    assert (wanted.caller, wanted.caller_name, wanted.priority) == ("79507533333", "Иван", "1")
    assert wanted.variables == (("crm", "3D32599_CONTACT"), ("text", "тест, да"), ("queue", "1"))
    assert wanted.numbers == ("632", "74951111111")
    assert wanted.timeout_s == 30
    assert asked.not_after == NOW + timedelta(seconds=60)


def test_a_number_and_the_context_that_dials_it_are_a_channel() -> None:
    assert _asked(channel=None, to="632", via="inbound").wanted.channel == "Local/632@inbound"
    assert "no pattern of calls.channels" in _refused({"channel": None, "to": "632", "via": "outbound"})


def test_a_route_leads_to_its_place() -> None:
    place: dict[str, object] = {"context": None, "exten": None}
    assert _asked(**place, route={"app": "group", "num": "62"}).wanted.exten == "62"
    assert _refused({**place, "route": {"app": "nope"}}) == "route: no such app"
    assert "not by both" in _refused({"route": {"app": "group"}})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"application": "System"}, "no application"),
        ({"Data": "id"}, "no application"),
        ({"account": "1"}, "nothing that a call is asked for by"),
        ({"context": "internal"}, "calls.contexts lacks"),
        ({"channel": "Local/6320@inbound"}, "no pattern of calls.channels"),
        ({"channel": "PJSIP/632"}, "no pattern of calls.channels"),
        ({"channel": "Local/632@inbound/b"}, "no TECHNOLOGY/NUMBER@CONTEXT"),
        ({"channel": "Local/632@inbound&Local/633@inbound"}, "no TECHNOLOGY/NUMBER@CONTEXT"),
        ({"channel": None}, "say whom to call"),
        ({"to": "632", "via": "inbound"}, "say whom to call"),
        ({"exten": "7"}, "does not match calls.exten"),
        ({"exten": "749511111\n"}, "a line break"),
        ({"priority": "0"}, "priority"),
        ({"priority": "n(label)"}, "priority"),
        ({"callerid": "112"}, "calls.caller_ids lacks"),
        ({"callerid": "x <y <z>"}, "callerid is neither"),
        ({"variables": {"line": "1"}}, "calls.variables lacks line"),
        ({"variables": {"SHELL(id)": "1"}}, "a dialplan function"),
        ({"variables": {"__crm": "1"}}, "calls.variables lacks __crm"),
        ({"variables": {"crm": "${SHELL(id)}"}}, "which a dialplan evaluates"),
        ({"variables": {"crm": "$[1+1]"}}, "which a dialplan evaluates"),
        ({"variables": {"crm": "a|b"}}, "a pipe"),
        ({"variables": {"crm": "a\r\nAction: Ping"}}, "a line break"),
        ({"variables": {"crm": "a\x07"}}, "a control character"),
        ({"variables": {"crm": True}}, "no text"),
        ({"variables": {"crm": "я" * 257}}, "longer than 512 bytes"),
        ({"variables": ["crm"]}, "no object"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": "9"}, "timeout_s"),
        ({"not_after": -1}, "past"),
        ({"not_after": 90_000}, "more than a day"),
        ({"not_after": "2026-03-02T10:00:30"}, "not_after is neither"),
        ({"not_after": float("nan")}, "not_after is neither"),
        ({"id": "a b"}, "id is longer"),
        ({"exten": "74952222222"}, "do-not-call"),
        ({"channel": "Local/633@inbound"}, "do-not-call"),
    ],
)
def test_what_is_not_named_is_refused_in_a_sentence(changed: dict[str, object], words: str) -> None:
    assert words in _refused(changed)


def test_a_moment_with_its_zone_is_understood() -> None:
    assert _asked(not_after="2026-03-02T13:00:30+03:00").not_after == NOW + timedelta(seconds=30)


def test_calls_are_made_in_opening_hours_alone() -> None:
    gate = replace(GATE, windows=(parse_window("09:00-09:59,mon-fri"),))
    assert "calls.hours says 09:00-09:59,mon-fri" in _refused({}, gate)
    assert isinstance(gate.check(FIELDS, NOW - timedelta(minutes=1)), Asked)


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "to", "via", "route", "priority", "timeout_s", "not_after", "data"]),
        st.text(max_size=12) | st.integers() | st.none() | st.floats() | st.dictionaries(st.text(), st.text()),
    )
)
def test_whatever_comes_is_refused_or_holds_nothing_that_steers(changed: dict[str, object]) -> None:
    asked = GATE.check({**FIELDS, **changed}, NOW)
    if isinstance(asked, Refused):
        assert asked.reason
        return
    wanted = asked.wanted
    values = [value for _, value in wanted.variables]
    for text in (wanted.channel, wanted.context, wanted.exten, wanted.caller, wanted.caller_name, *values):
        assert not re.search(r"[\x00-\x1f\x7f|]|\$[{\[]", text)
    assert {name for name, _ in wanted.variables} <= GATE.variables
    assert wanted.context in GATE.contexts


@pytest.mark.parametrize("text", ["", "Local", "Local/", "Local/_[@x", "Local/6 32@x", "Local/63|2@x", "/632@x"])
def test_what_is_no_pattern_of_channels(text: str) -> None:
    with pytest.raises(PatternError):
        parse_channel_pattern(text)


def test_channels_are_compared_by_their_parts() -> None:
    pattern = parse_channel_pattern("PJSIP/_1XX")
    channel = read_channel("PJSIP/101")
    other = read_channel("PJSIP/101@trunk")
    assert channel is not None
    assert other is not None
    assert pattern.matches(channel)
    assert not pattern.matches(other)
