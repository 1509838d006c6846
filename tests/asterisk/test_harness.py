"""The test's own Asterisk does what the other tests build on."""

import pytest

from tests.asterisk.harness import Exchange, free_port, show

pytestmark = pytest.mark.asterisk

HOSTILE = ['a,b "c" (d] \\e', "Привет, мир 📞", "blanks  inside and at the end ", "${EXTEN} $[1+1]", "((]]"]


def test_it_is_the_release_that_it_is_called(exchange: Exchange) -> None:
    version = exchange.ami.command("core show version")
    if exchange.release.name == "16":
        assert version.startswith("Asterisk 16.")
    else:
        assert int(version.removeprefix("Asterisk ").partition(".")[0]) >= 22


def test_a_call_runs_the_dialplan_and_shows_values_byte_by_byte(exchange: Exchange) -> None:
    names = [f"hostile{place}" for place in range(len(HOSTILE))]
    for name, value in zip(names, HOSTILE, strict=True):
        exchange.ami.set_global(name, value)
    exchange.load("harness", f"[harness]\nexten => _X!,1,{show('EXTEN', 'UNIQUEID', *names)}\n")
    token = exchange.call("4711", "harness")
    assert exchange.shown(token) == ["4711", exchange.call_id(token), *HOSTILE]


def test_a_refused_connection_is_a_failure_and_the_call_goes_on(exchange: Exchange) -> None:
    text = f"[harness]\nexten => _X!,1,AGI(agi://127.0.0.1:{free_port()}/ask)\n same => n,{show('AGISTATUS')}\n"
    exchange.load("harness", text)
    assert exchange.shown(exchange.call("1", "harness")) == ["FAILURE"]


def test_functions_are_evaluated_without_a_channel(exchange: Exchange) -> None:
    exchange.load("harness", "[harness]\nexten => _2X,1,NoOp()\n")
    asked = ["DIALPLAN_EXISTS(harness,25)", "DIALPLAN_EXISTS(harness,3)", "IF(1?yes:no)"]
    assert exchange.ami.read_many(asked) == ["1", "0", "yes"]
