"""Every path of the contract, as a dialplan asks it."""

from dataclasses import replace

import pytest

from fallbackrouter.agi.environment import read_environment
from fallbackrouter.agi.request import Grammar, Request, bare_request, read_request
from fallbackrouter.core.call import MAX_EXTRA, MAX_EXTRA_CHARS, MAX_TEXT_CHARS
from fallbackrouter.core.numbers import read_number
from tests.fakes.asterisk import Channel, application, ask_by_gosub, header

GRAMMAR = Grammar(
    paths={
        "cur": ("did", "caller", "call_id", "stage", "short", "link"),
        "cur1": ("did", "caller", "call_id", "stage", "short", "line"),
    },
    event_stages=frozenset({"start", "end_auto", "end_failed"}),
    known_stages=frozenset({"vip"}),
    read_number=lambda text: read_number(text, None),
)
CHANNEL = Channel()
CUR = "cur,${EXTEN},${CALLERID(num)},${UNIQUEID},"


def asked(data: str, channel: Channel = CHANNEL) -> Request:
    return read_request(read_environment(application(channel, data)), GRAMMAR)


def test_ask() -> None:
    request = asked("ask,${EXTEN},init")
    assert (request.kind, request.path) == ("question", "ask")
    call = request.call
    assert (call.did.raw, call.caller.raw, call.call_id) == (CHANNEL.exten, CHANNEL.caller, CHANNEL.uniqueid)
    assert (call.stage, call.context, call.channel) == ("init", CHANNEL.context, CHANNEL.name)
    assert (call.linked_id, call.line, call.extra, call.test, call.notes) == ("", "", (), False, ())


def test_ask_by_gosub() -> None:
    request = read_request(read_environment(ask_by_gosub(CHANNEL)), GRAMMAR)
    assert (request.kind, request.call.did.raw, request.call.stage) == ("question", CHANNEL.exten, "init")
    assert request.call.notes == ()


@pytest.mark.parametrize("path", ["ask", "/ask", "ask/", "ask?x=y"])
def test_slashes_around_a_path(path: str) -> None:
    request = read_request(read_environment(header(CHANNEL, path, ["5", "init"])), GRAMMAR)
    assert (request.kind, request.path, request.call.did.raw) == ("question", "ask", "5")


def test_a_test_call_is_marked() -> None:
    request = asked("test,5,init")
    assert (request.kind, request.call.test) == ("question", True)


@pytest.mark.parametrize(
    ("stage", "seen", "noted"),
    [("vip", "vip", 0), ("anything_9", "anything_9", 0), ("", "init", 0), ("No!", "init", 1)],
)
def test_ask_takes_any_well_formed_stage(stage: str, seen: str, noted: int) -> None:
    request = asked(f"ask,5,{stage}")
    assert (request.kind, request.call.stage, len(request.call.notes)) == ("question", seen, noted)


@pytest.mark.parametrize(
    "data", ["ask,5,end_auto", "test,5,end_auto", CUR + "end_auto,,", "route?did=5&stage=end_auto"]
)
def test_an_event_stage_is_an_event_on_every_path(data: str) -> None:
    request = asked(data)
    assert (request.kind, request.call.stage, request.call.notes) == ("event", "end_auto", ())


def test_event() -> None:
    request = asked("event,${EXTEN},end_auto,link=/rec/a, b.wav,billsec=12,linked_id=1.1,line=2,empty=,Bad=1")
    assert (request.kind, request.call.stage, request.call.did.raw) == ("event", "end_auto", CHANNEL.exten)
    assert request.call.extra == (("link", "/rec/a, b.wav"), ("billsec", "12"))
    assert (request.call.linked_id, request.call.line) == ("1.1", "2")
    assert request.call.notes == ("Bad is no name of a fact: left out",)


def test_an_event_of_another_stage_is_noted() -> None:
    request = asked("event,5,moved")
    assert (request.kind, request.call.stage) == ("event", "moved")
    assert request.call.notes == ("stage moved is not one of events.stages",)


@pytest.mark.parametrize("data", ["event", "event,5", "event,5,", "event,5,No!", "event,5,billsec=1"])
def test_an_event_without_a_stage_is_no_event(data: str) -> None:
    request = asked(data)
    assert (request.kind, request.call.stage) == ("unknown", "init")
    assert "an event without a stage that can be believed" in request.call.notes


def test_a_fact_that_comes_twice_is_believed_in_neither_place() -> None:
    request = asked("event,5,end_auto,link=/a,link=/b,billsec=1")
    assert request.call.extra == (("billsec", "1"),)
    assert request.call.notes == ("link comes twice: left out",)


def test_cur_as_old_scripts_call_it() -> None:
    request = asked(CUR + "start,632,/rec/1.wav")
    assert (request.kind, request.path, request.call.stage) == ("event", "cur", "start")
    assert request.call.extra == (("short", "632"), ("link", "/rec/1.wav"))
    assert request.call.call_id == CHANNEL.uniqueid
    assert request.call.notes == ()
    assert asked("cur1,5,,,init,632,7").call.line == "7"


@pytest.mark.parametrize(("stage", "seen"), [("init", "init"), ("vip", "vip"), ("start", "start"), ("nobody", "init")])
def test_a_positional_path_takes_stages_in_use(stage: str, seen: str) -> None:
    request = asked(f"{CUR}{stage},,")
    assert request.call.stage == seen
    assert bool(request.call.notes) == (stage != seen)


def test_a_variable_without_its_dollar_is_absent() -> None:
    request = asked("cur,{EXTEN},{CALLERID(num)},{UNIQUEID},init,,")
    assert (request.call.did.raw, request.call.caller.raw) == (CHANNEL.exten, CHANNEL.caller)
    assert request.call.call_id == CHANNEL.uniqueid
    assert request.call.stage == "init"


@pytest.mark.parametrize("link", ["/.wav", ".wav", "//.mp3"])
def test_a_link_to_nothing_is_left_out(link: str) -> None:
    request = asked(f"{CUR}end_auto,,{link}")
    assert request.call.extra == ()
    assert request.call.notes == ("the link names no file: left out",)


def test_caller_and_call_id_are_the_headers() -> None:
    request = asked("cur,5,79990000000,${UNIQUEID},init,,")
    assert request.call.caller.raw == CHANNEL.caller
    request = asked("cur,5,${CALLERID(num)},9.9,init,,")
    assert request.call.call_id == CHANNEL.uniqueid
    assert len(request.call.notes) == 1


@pytest.mark.parametrize(
    ("name", "exten", "seen"),
    [
        ("Local/17.5x99x1@fallbackrouter-telling-1;2", "17.5x99x1", "17.5"),
        ("Local/17.5x99x1@fallbackrouter-telling-1;2", "17.6x99x1", CHANNEL.uniqueid),
        ("PJSIP/trunk-1", "17.5x99x1", CHANNEL.uniqueid),
    ],
)
def test_a_channel_that_tells_of_another_call_names_it_by_its_extension(name: str, exten: str, seen: str) -> None:
    teller = replace(CHANNEL, name=name, exten=exten)
    assert asked("event,5,end_auto,call_id=17.5", teller).call.call_id == seen


def test_a_withheld_header_wins_over_an_argument() -> None:
    request = asked("cur,5,79990000000,${UNIQUEID},vip,,", Channel(caller=""))
    assert request.call.caller.withheld
    assert request.call.caller.raw == "unknown"
    assert request.call.stage == "vip"
    assert len(request.call.notes) == 1


def test_without_header_lines_the_arguments_count() -> None:
    block = b"agi_network_script: cur\n" + b"".join(
        b"agi_arg_%d: %s\n" % pair for pair in enumerate((b"5", b"79990000000", b"7.7", b"vip"), 1)
    )
    call = read_request(read_environment(block + b"\n"), GRAMMAR).call
    assert (call.did.raw, call.caller.raw, call.call_id, call.stage) == ("5", "79990000000", "7.7", "vip")


@pytest.mark.parametrize(
    ("channel", "did"),
    [
        (Channel(exten="100", dnid="200"), "100"),
        (Channel(exten="s", dnid="200"), "200"),
        (Channel(exten="h"), ""),
        (Channel(exten="s"), ""),
    ],
)
def test_a_did_that_is_absent_comes_from_the_header(channel: Channel, did: str) -> None:
    call = asked("ask", channel).call
    assert call.did.raw == did
    assert len(call.notes) == 1


def test_route_is_not_decoded() -> None:
    request = asked(
        "route?did=+74951111111&caller=*72#&stage=vip&line=%2B7&short=6&linked_id=1.1", Channel(caller="*72#")
    )
    call = request.call
    assert (call.did.raw, call.caller.raw, call.stage, call.line) == ("+74951111111", "*72#", "vip", "%2B7")
    assert (call.extra, call.linked_id, call.notes) == ((("short", "6"),), "1.1", ())


@pytest.mark.parametrize(
    ("query", "stage", "line"),
    [
        ("stage=start&stage=init&line=7", "init", ""),
        ("line=7&line=8&stage=vip", "init", ""),
        ("line=7&line=8&stage=vip&call_id=${UNIQUEID}", "vip", ""),
        ("stage=vip,line=7", "vip", ""),
        ("stage=vip&line=a,b", "vip", "a,b"),
        ("stage=vip&caller=${CALLERID(num)}&line=7", "vip", "7"),
        ("stage=vip&caller=79990000000&line=7", "init", ""),
    ],
)
def test_what_route_says_twice_or_wrongly_is_not_believed(query: str, stage: str, line: str) -> None:
    request = asked(f"route?{query}")
    assert (request.kind, request.call.stage, request.call.line) == ("question", stage, line)


def test_route_leaves_out_what_has_no_name() -> None:
    request = asked("route?stage=vip&Bad=1&short=&=x&link=/.wav")
    assert request.call.extra == ()
    assert len(request.call.notes) == 4


@pytest.mark.parametrize("data", ["route", "route?", "route?&&=&x", "route?stage=init"])
def test_what_route_does_not_say_comes_from_the_header(data: str) -> None:
    call = asked(data).call
    assert (call.did.raw, call.caller.raw, call.stage) == (CHANNEL.exten, CHANNEL.caller, "init")


@pytest.mark.parametrize("script", ["", "nope", "/", "curl", "ASK", "../ask", "📞\x1b[2J"])
def test_an_unknown_path_is_answered_from_the_header(script: str) -> None:
    request = read_request(read_environment(header(CHANNEL, script, ["9", "end_auto"])), GRAMMAR)
    assert (request.kind, request.call.stage, request.call.did.raw) == ("unknown", "init", CHANNEL.exten)
    assert all(note.isprintable() for note in request.call.notes)


def test_the_bare_request() -> None:
    request = bare_request(read_environment(application(CHANNEL, "ask,5,vip")))
    assert (request.kind, request.call.did.raw, request.call.caller.raw) == ("unknown", CHANNEL.exten, CHANNEL.caller)


def test_everything_is_bounded() -> None:
    long = "x" * 900
    request = asked(f"cur1,5,,{long},init,{long * 2},{long}", Channel(uniqueid="", context=long, name=long + "\x1b"))
    call = request.call
    for text in (call.call_id, call.line, call.context, call.channel):
        assert len(text) == MAX_TEXT_CHARS
    assert len(call.fact("short")) == MAX_EXTRA_CHARS
    many = ",".join(f"f{number}=1" for number in range(MAX_EXTRA + 5))
    call = asked(f"event,5,start,{many}").call
    assert len(call.extra) == MAX_EXTRA
    assert call.notes
    noisy = ",".join(f"Bad{number}=1" for number in range(50))
    assert len(asked(f"event,5,start,{noisy}").call.notes) <= 16


def test_control_characters_become_blanks() -> None:
    assert asked("event,5,start,link=/a\x1b[2J\x7f").call.fact("link") == "/a [2J "
