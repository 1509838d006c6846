"""Real SIP calls go on while the router is killed, restarted, frozen: each is routed, answered and ended in order."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.asterisk.ami import Message
from tests.asterisk.generated import generated, install
from tests.asterisk.harness import Exchange
from tests.asterisk.roots import Release
from tests.asterisk.routed import Routed
from tests.asterisk.sip import CALLED, CALLER, CONTEXT, TALK_S, Callers, open_trunk, why_not_here
from tests.fakes.service import wait_until
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

SECONDS = full_or(15, full=60)
RATE = 20
"""Calls a second: half of them end by the caller, half by the called."""
SERVES_S = 2.5
"""How long a router serves until it is killed; with its restart, a kill about every five seconds."""
GONE_WITHIN_S = 10.0
NUMBERS = {CALLER: "51", CALLED: "62"}
GROUPS = {"51": "61", "62": "100"}
"""Where calls to numbers that begin so go: by a rule, and by the last resort."""
_DIALPLAN = f"""
[{CONTEXT}]
exten => _X!,1,Gosub(fallbackrouter-watch,s,1(${{EXTEN}}))
 same => n,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,Set(CALLED=${{EXTEN}})
 same => n,Goto(${{FR_DEST}})
exten => h,1,UserEvent(Ended,called: unrouted,dialstatus: none)

[ext-group]
exten => _X!,1,UserEvent(Routed,called: ${{CALLED}},group: ${{EXTEN}},source: ${{FR_SOURCE}})
 same => n,Dial(Local/${{CALLED:0:2}}@phones/n,60,U(fallbackrouter-answered)g)
 same => n,UserEvent(Talked,called: ${{CALLED}})
 same => n,Hangup()
exten => h,1,UserEvent(Ended,called: ${{CALLED}},dialstatus: ${{DIALSTATUS}})

[phones]
exten => {NUMBERS[CALLER]},1,Answer()
 same => n,Wait(600)
exten => {NUMBERS[CALLED]},1,Answer()
 same => n,Wait({TALK_S})
 same => n,Hangup()
"""


@dataclass(frozen=True)
class Site:
    """An Asterisk that takes SIP calls, and the router that it asks."""

    exchange: Exchange
    routed: Routed
    port: int


@pytest.fixture(scope="module")
def site(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    reason = why_not_here()
    if reason:
        pytest.skip(reason)
    budget = {"call_ms": 400, "live_ms": 300, "journal_ms": 50}
    with (
        Exchange(release, tmp_path_factory.mktemp("sip") / "asterisk") as exchange,
        Routed(tmp_path_factory.mktemp("router"), budget=budget) as routed,
    ):
        route = {"app": "group", "num": GROUPS["51"]}
        routed.write_rules("rules.yaml", [{"name": "all", "tier": "fallback", "did": "_51!", "route": route}])
        routed.start()
        install(exchange, generated(routed), _DIALPLAN)
        yield Site(exchange, routed, open_trunk(exchange))


def _calls_while(site: Site, folder: Path, fault: Callable[[float], None]) -> Counter[str]:
    """Place SECONDS of calls while something happens to the router, see that all is well, and count who routed.

    Args:
        fault: takes the moment, in monotonic seconds, at which the last call begins.
    """
    site.exchange.ami.forget_events()
    count = SECONDS * RATE // 2
    sides = [
        Callers(folder / who, site.port, number, who, count=count, rate=RATE // 2) for who, number in NUMBERS.items()
    ]
    with ExitStack() as stack:
        for callers in sides:
            stack.enter_context(callers)
        fault(_now_s() + SECONDS)
        for callers in sides:
            callers.check()
    wait_until(lambda: _is_quiet(site.exchange), "no channel is left", GONE_WITHIN_S)
    return _see_all(site.exchange, sides[0].numbers | sides[1].numbers, sides[1].numbers)


def _now_s() -> float:
    return time.monotonic()  # noqa: TID251 - a real Asterisk lives by the machine's clock


def _is_quiet(exchange: Exchange) -> bool:
    return "\n0 active channels" in "\n" + exchange.ami.command("core show channels count")


def _see_all(exchange: Exchange, dialled: set[str], talked: set[str]) -> Counter[str]:
    """See on Asterisk's side that each call was routed where it belongs, answered, and ended once.

    Args:
        talked: the calls that the called ended; these alone come back from Dial.
    """
    took = {name: _taken(exchange, name, count) for name, count in (("Routed", len(dialled)), ("Ended", len(dialled)))}
    took["Talked"] = _taken(exchange, "Talked", len(talked))
    assert Counter(one["called"] for one in took["Routed"]) == Counter(dialled)
    assert all(one["group"] == GROUPS[one["called"][:2]] for one in took["Routed"])
    assert Counter(one["called"] for one in took["Ended"]) == Counter(dialled)
    assert {one["dialstatus"] for one in took["Ended"]} == {"ANSWER"}
    assert Counter(one["called"] for one in took["Talked"]) == Counter(talked)
    return Counter("dialplan" if one["source"] == "static" else "router" for one in took["Routed"])


def _taken(exchange: Exchange, name: str, count: int) -> list[Message]:
    return exchange.ami.take_all(lambda event: event.get("UserEvent") == name, count)


def _kept(routed: Routed) -> int:
    """Return how many ends of calls the journal has."""
    count: int = routed.rows("SELECT count(*) AS n FROM events WHERE stage = 'end_failed'")[0]["n"]
    return count


def test_no_sip_call_is_lost_while_the_router_is_killed_and_restarted(
    site: Site, tmp_path: Path, record_figure: Record
) -> None:
    kills = 0

    def kill_and_restart(until_s: float) -> None:
        nonlocal kills
        next_s = until_s - SECONDS + SERVES_S
        while next_s < until_s:
            time.sleep(max(0, next_s - _now_s()))
            site.routed.kill()
            kills += 1
            site.routed.start()
            next_s = _now_s() + SERVES_S

    by = _calls_while(site, tmp_path, kill_and_restart)
    assert kills >= SECONDS // 10
    assert by["dialplan"] > 0, by
    assert by["router"] > RATE * SERVES_S, "no router that was restarted routed a call"
    record_figure("SIP calls, each routed, answered and ended in order", by.total())
    record_figure("times that the router's processes were killed meanwhile", kills)
    record_figure("of the calls, those that the router routed; the others were the dialplan's own", by["router"])
    record_figure("ends of calls that the journal has", _kept(site.routed))


def test_no_sip_call_is_lost_while_the_router_is_frozen(site: Site, tmp_path: Path, record_figure: Record) -> None:
    def freeze(until_s: float) -> None:
        time.sleep(1)
        site.routed.freeze()
        time.sleep(max(0, until_s - _now_s()))

    try:
        by = _calls_while(site, tmp_path, freeze)
    finally:
        site.routed.thaw()
    assert by["router"] > 0, by
    assert by["dialplan"] > by.total() / 2, by
    record_figure("SIP calls, each routed, answered and ended in order", by.total())
    record_figure("of them, those that the router routed before it was frozen", by["router"])
