"""What a caller's number holds stays a caller's number: it is no stage, no link, no call id, and no event."""

from collections.abc import Iterator

import pytest

from tests.asterisk.harness import Exchange
from tests.asterisk.routed import ABOUT, Routed, doors, guard

pytestmark = pytest.mark.asterisk

CALLERS = {
    "arguments": "1,,,end_auto,x,/etc/passwd",
    "a bracket": "123(4",
    "a quote": '12"34',
    "formatting": "+7 (950) 753-33-33",
    "200 characters": "12345678901234567890" * 10,
    "Cyrillic": "Привет, мир",
    "a query": "1&stage=end_auto&call_id=x&did=5",
    "a variable": "${SHELL(touch /tmp/x)}",
    "an unbalanced everything": '])}",\\(',
}
DOORS = ("ask", "cur", "route")
DID = "74951111111"


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router")) as routed:
        routed.start()
        yield routed


def _doors_that_set_the_caller(port: int) -> str:
    """Return the usual ways to ask, entered by a call whose caller was set in the dialplan from a global."""
    setting = (
        "[hostile]\nexten => _[0-9]!,1,Set(CALLERID(num)=${GLOBAL(hostile)})\n same => n,Goto(${DOOR},${EXTEN},1)\n"
    )
    return guard(port, 30) + doors(port) + setting


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS.keys())
def test_a_hostile_caller_is_routed_and_is_nothing_but_a_caller(
    exchange: Exchange, routed: Routed, caller: str, door: str
) -> None:
    exchange.load(_doors_that_set_the_caller(routed.port))
    exchange.ami.set_global("hostile", caller)
    token = exchange.call(DID, "hostile", {"DOOR": door})
    seen, *about = exchange.values(token, ["CALLERID(num)", *ABOUT])
    got = dict(zip(ABOUT, about, strict=True))
    assert seen == caller
    assert got["FR_SOURCE"] == "last_resort"
    kept = routed.decision(got["FR_DECISION"])
    expected = {"caller": caller, "call_id": exchange.call_id(token), "did": DID, "stage": "init", "line": ""}
    assert {name: kept[name] for name in expected} == expected
    assert routed.rows("SELECT * FROM events") == []


@pytest.mark.parametrize("door", DOORS)
def test_a_withheld_caller_is_routed(exchange: Exchange, routed: Routed, door: str) -> None:
    exchange.load(_doors_that_set_the_caller(routed.port))
    got = dict(zip(ABOUT, exchange.values(exchange.call(DID, door), ABOUT), strict=True))
    assert got["FR_SOURCE"] == "last_resort"
    assert routed.decision(got["FR_DECISION"])["caller_key"] == ""
