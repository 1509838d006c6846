"""The test's own Asterisk does what the other tests build on."""

import pytest

from tests.asterisk.harness import STOP_HERE, Exchange, free_port

pytestmark = pytest.mark.asterisk

HOSTILE = ['a,b "c" (d] \\e', "Привет, мир 📞", "blanks  inside and at the end ", "${EXTEN} $[1+1]", "((]]"]


@pytest.mark.core
def test_it_is_the_release_that_it_is_called(exchange: Exchange) -> None:
    version = exchange.ami.command("core show version")
    if exchange.release.name == "16":
        assert version.startswith("Asterisk 16.")
    else:
        assert int(version.removeprefix("Asterisk ").partition(".")[0]) >= 22


@pytest.mark.core
def test_a_call_runs_the_dialplan_and_its_values_are_read_byte_by_byte(exchange: Exchange) -> None:
    for place, value in enumerate(HOSTILE):
        exchange.ami.set_global(f"hostile{place}", value)
    setting = "".join(f" same => n,Set(own{place}=${{hostile{place}}})\n" for place in range(len(HOSTILE)))
    exchange.load(f"[harness]\nexten => _X!,1,NoOp()\n{setting} same => n,{STOP_HERE}\n")
    token = exchange.call("4711", "harness", CallerID='"Somebody" <+79507533333>')
    names = ["EXTEN", "UNIQUEID", "CALLERID(num)", *(f"own{place}" for place in range(len(HOSTILE)))]
    assert exchange.values(token, names) == ["4711", exchange.call_id(token), "+79507533333", *HOSTILE]


def test_a_refused_connection_is_a_failure_and_the_call_goes_on(exchange: Exchange) -> None:
    asking = f"AGI(agi://127.0.0.1:{free_port()}/ask)"
    exchange.load(f"[harness]\nexten => _X!,1,{asking}\n same => n,{STOP_HERE}\n")
    assert exchange.values(exchange.call("1", "harness"), ["AGISTATUS"]) == ["FAILURE"]


def test_functions_are_evaluated_without_a_channel(exchange: Exchange) -> None:
    exchange.load("[harness]\nexten => _2X,1,NoOp()\n")
    asked = ["DIALPLAN_EXISTS(harness,25)", "DIALPLAN_EXISTS(harness,3)", "IF(1?yes:no)"]
    assert exchange.ami.read_many(asked) == ["1", "0", "yes"]
