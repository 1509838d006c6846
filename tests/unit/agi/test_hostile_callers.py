"""Nothing that a caller or a trunk sends makes an event, a stage, a link or a call id of its own."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fallbackrouter.agi.environment import read_environment
from fallbackrouter.agi.request import Grammar, Request, read_request
from fallbackrouter.core.numbers import read_number
from tests.fakes.asterisk import Channel, application, ask_by_gosub

EVENTS = frozenset({"start", "end_auto", "end_failed"})
GRAMMAR = Grammar(
    paths={"cur": ("did", "caller", "call_id", "stage", "short", "link")},
    event_stages=EVENTS,
    known_stages=frozenset({"vip"}),
    read_number=lambda text: read_number(text, None),
)
DID = "74951111111"
CUR = "cur,${EXTEN},${CALLERID(num)},${UNIQUEID},init,632,/rec/1.wav"
FILTERED = "cur,${EXTEN},%s,${UNIQUEID},init,632,/rec/1.wav"
CALLERS = [
    "1,,,end_auto,x,/etc/passwd",
    "1,,end_auto",
    ",,end_auto",
    "1,1700000000.57,end_auto,x,/etc/passwd",
    "123(4",
    '12"34',
    "1[2",
    "1\\",
    "1\\,2",
    '"',
    ",",
    "(,),[",
    "+7 (950) 753-33-33",
    "1&stage=end_auto&link=/etc/passwd",
    "1&stage=end_auto",
    "x" * 200,
    "Привет, (мир)",
    "",
    "unknown",
]
hostile = st.text(st.sampled_from('0129+*#,()[]"\\ &=;|{}$абв'), max_size=14) | st.lists(
    st.sampled_from(["1", "", "end_auto", "init", "vip", "(", ")", '"', "\\", "link=/x", "x", "1700000000.57"]),
    max_size=7,
).map(",".join)


def asked(block: bytes) -> Request:
    return read_request(read_environment(block), GRAMMAR)


def check(request: Request, channel: Channel) -> None:
    """No forged event, stage, link or call id; numbers exact; routed."""
    call = request.call
    assert request.kind == "question"
    assert call.stage == "init"
    assert call.call_id == channel.uniqueid
    assert call.caller.raw == (channel.caller or "unknown")[:256]
    assert call.linked_id == ""
    assert dict(call.extra).items() <= {"short": "632", "link": "/rec/1.wav"}.items()


@pytest.mark.parametrize("caller", CALLERS)
def test_the_old_one_liner(caller: str) -> None:
    channel = Channel(caller=caller)
    request = asked(application(channel, CUR))
    check(request, channel)
    assert request.call.did.raw == DID
    assert dict(request.call.extra) == {"short": "632", "link": "/rec/1.wav"}, (
        "the fields behind the caller are in place"
    )


@pytest.mark.parametrize("caller", CALLERS)
def test_the_events_of_hostile_callers_are_events(caller: str) -> None:
    for data in (CUR.replace("init", "end_auto"), "ask,${EXTEN},end_auto", "event,${EXTEN},end_auto,link=/rec/1.wav"):
        request = asked(application(Channel(caller=caller), data))
        assert (request.kind, request.call.stage) == ("event", "end_auto")
        assert request.call.fact("link") in {"", "/rec/1.wav"}
        assert request.call.call_id == "1700000000.57"


@pytest.mark.parametrize("caller", CALLERS)
def test_a_filtered_caller_moves_nothing(caller: str) -> None:
    left = "".join(char for char in caller if char in "0123456789+*#")
    request = asked(application(Channel(caller=caller), FILTERED.replace("init", "end_auto") % left))
    assert (request.kind, request.call.stage) == ("event", "end_auto")
    assert request.call.caller.raw == (caller or "unknown")


@given(hostile)
@example("1,,,end_auto,x,/etc/passwd")
@example(",1700000000.57,end_auto")
def test_any_caller_by_every_path(caller: str) -> None:
    channel = Channel(caller=caller)
    for data in (CUR, "cur,${EXTEN},${CALLERID(num)},${UNIQUEID},init", "cur,${EXTEN},${CALLERID(num)}"):
        check(asked(application(channel, data)), channel)
    check(asked(application(channel, "ask,${EXTEN},init")), channel)
    for data in (
        "did=${EXTEN}&caller=${CALLERID(num)}&stage=init",
        "caller=${CALLERID(num)}",
        "caller=${CALLERID(num)},x",
    ):
        check(asked(application(channel, f"route?{data}")), channel)


@given(hostile)
@example("100,end_auto")
@example("100,end_auto,x")
@example("(100,end_auto")
@example("100&stage=end_auto")
def test_any_dialled_number_by_every_path(did: str) -> None:
    channel = Channel(exten=did, dnid=did)
    for data in (
        CUR,
        "ask,${EXTEN},init",
        "ask,${EXTEN}",
        "cur,${EXTEN}",
        "route?did=${EXTEN}&stage=init",
        "route?did=${EXTEN}",
    ):
        request = asked(application(channel, data))
        check(request, channel)
        if did not in {"", "s", "h", "t", "i"}:
            assert request.call.did.raw == did or "{" in did
    check(asked(ask_by_gosub(channel)), channel)
    check(asked(ask_by_gosub(replace(channel, exten="x"))), channel)


@given(hostile, hostile)
def test_both_at_once(did: str, caller: str) -> None:
    channel = Channel(exten=did, dnid=did, caller=caller)
    for data in (
        CUR,
        "route?did=${EXTEN}&caller=${CALLERID(num)}&stage=init",
        "route?caller=${CALLERID(num)}&did=${EXTEN}",
    ):
        check(asked(application(channel, data)), channel)


@given(hostile)
@example("100,start")
@example("100,start,link=/etc/passwd")
def test_an_events_stage_is_the_dialplans(did: str) -> None:
    channel = Channel(exten=did, dnid=did)
    request = asked(application(channel, "event,${EXTEN},end_auto,link=/rec/1.wav"))
    assert (request.kind, request.call.stage) == ("event", "end_auto")
    assert dict(request.call.extra) == {"link": "/rec/1.wav"}


@given(hostile)
@example("100,start,x")
@example("100,start,link=/etc/passwd")
def test_an_event_by_gosub_has_the_dialplans_stage_or_none(did: str) -> None:
    channel = Channel(exten=did, dnid=did)
    request = asked(ask_by_gosub(channel, "${EXTEN},end_auto", "event"))
    assert (request.kind, request.call.stage) in {("event", "end_auto"), ("unknown", "init")}
    assert request.call.extra == ()


@given(hostile, st.sampled_from(["did=${EXTEN}&x=1", "short=1&did=${EXTEN}&caller=${CALLERID(num)}"]))
@example("100&caller=79507533333&stage=end_auto", "did=${EXTEN}&caller=${CALLERID(num)}")
def test_a_number_in_a_query_is_found_where_it_stands(did: str, query: str) -> None:
    request = asked(application(Channel(exten=did), f"route?{query}&stage=vip"))
    assert request.kind == "question"
    assert request.call.stage in {"vip", "init"}
    assert request.call.caller.raw == "79507533333"


@pytest.mark.parametrize("did", ["100,start", "100,start,link=/etc/passwd", "100,start,link=/etc/passwd,x"])
def test_an_events_stage_where_the_header_does_not_know_the_number(did: str) -> None:
    request = asked(application(Channel(exten="s"), f"event,{did},end_auto,billsec=1"))
    assert (request.kind, request.call.stage) in {("event", "end_auto"), ("unknown", "init")}
    assert request.call.fact("link") == ""


def test_a_number_from_elsewhere_is_believed_with_the_headers_call_id_only() -> None:
    """In U() the header describes the callee, so the caller given is another one."""
    forged = "cur,5,1,,,end_auto,x,/etc/passwd"
    assert asked(application(Channel(), forged)).kind == "question"
    assert asked(application(Channel(), "cur,5,1,,,end_auto")).kind == "question"
    assert asked(application(Channel(), "cur,5,1,${UNIQUEID},end_auto")).kind == "event"
