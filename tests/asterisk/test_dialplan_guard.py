"""Whatever becomes of the router, a call carries the router's whole answer or the dialplan's own, in time."""

from collections.abc import Iterator, Sequence

import pytest

from fallbackrouter.agi.commands import set_array, set_function
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from tests.asterisk.cutting import CuttingProxy
from tests.asterisk.generated import generated, install
from tests.asterisk.harness import Exchange, free_port
from tests.asterisk.late import FullBacklog, LateAgi
from tests.asterisk.routed import ABOUT, VARIABLES, Routed
from tests.fakes.service import wait_until
from tests.proof.figures import Record
from tests.proof.size import FULL, full_or

pytestmark = pytest.mark.asterisk

GUARD_S = 0.6
CONNECT_S = 2.0
"""How long Asterisk tries to connect, whatever the guard."""
PROMPT_S = 0.1
STRAGGLERS = 0.1
"""So many of the calls may be later on a machine that is busy with other things; none by more seconds than these:"""
BUSY_S = 2.0
OWN = ("TIMEOUT(absolute)", "AGIEXITONHANGUP", "CDR(dst)")
NAMES = (*VARIABLES, *ABOUT, "CALLERID(name)", "TOOK", *OWN)
ROUTE = {"app": "queue", "num": "62", "time": "100", "text": 'a, "b" (c] \\ д 📞', "CALLERID(name)": "Кто-то"}
ROUTERS = {name: ROUTE.get(name, "") for name in (*VARIABLES, "CALLERID(name)")} | {
    "FR_SOURCE": "fallback",
    "FR_RULE": "all",
}
COMPILED = Route((("app", "extension"), ("num", "7"), ("text", "${EPOCH};--x")))
STATICS = {name: COMPILED.get(name) for name in VARIABLES} | {
    "FR_SOURCE": "static",
    "FR_RULE": 'a "static" rule, [here]',
    "CALLERID(name)": "Before",
}
RULES = (Rule(STATICS["FR_RULE"], "fallback", COMPILED),)
LATE = (
    set_function("CALLERID(name)", ROUTE["CALLERID(name)"]),
    set_array([(name, ROUTERS.get(name, "")) for name in (*VARIABLES, *ABOUT[1:], "FR_SOURCE")]),
)


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router"), budget={"call_ms": 400, "live_ms": 300, "journal_ms": 50}) as routed:
        routed.write_rules("rules.yaml", [{"name": "all", "tier": "fallback", "did": "_5X.", "route": ROUTE}])
        routed.start()
        yield routed


def _got(exchange: Exchange, token: str) -> dict[str, str]:
    return dict(zip(NAMES, exchange.values(token, NAMES), strict=True))


def _asked(exchange: Exchange, count: int) -> list[dict[str, str]]:
    """Place calls at once, and return what each was told; the call's own things are as they were."""
    tokens = [exchange.call("512", "enter") for _ in range(count)]
    answers = [_got(exchange, token) for token in tokens]
    for got in answers:
        assert 90 < float(got["TIMEOUT(absolute)"]) <= 99
        assert got["AGIEXITONHANGUP"] == "as it was"
        assert got["CDR(dst)"] == "512"
        assert _is(got, ROUTERS) or _is(got, STATICS), got
    return answers


def _is(got: dict[str, str], whole: dict[str, str]) -> bool:
    return {name: got[name] for name in whole} == whole


def _in_time(answers: Sequence[dict[str, str]], within_s: float = GUARD_S) -> float:
    """See that nearly all were in time, and return how long the slowest took."""
    took = sorted(float(got["TOOK"]) for got in answers)
    prompt = [one for one in took if one <= within_s + PROMPT_S]
    assert len(prompt) >= len(took) * (1 - STRAGGLERS), took
    assert took[-1] <= within_s + BUSY_S
    return took[-1]


def test_an_answer_is_the_routers(exchange: Exchange, routed: Routed) -> None:
    install(exchange, generated(routed, RULES))
    assert all(_is(got, ROUTERS) for got in _asked(exchange, 5))


def test_a_stopped_router_leaves_the_dialplan_to_answer(exchange: Exchange, routed: Routed) -> None:
    install(exchange, generated(routed, RULES, ask=free_port()))
    answers = _asked(exchange, 20)
    assert all(_is(got, STATICS) for got in answers)
    _in_time(answers)


def test_a_frozen_router_leaves_the_dialplan_to_answer(
    exchange: Exchange, routed: Routed, record_figure: Record
) -> None:
    install(exchange, generated(routed, RULES))
    routed.freeze()
    try:
        answers = _asked(exchange, 20)
    finally:
        routed.thaw()
    assert all(_is(got, STATICS) for got in answers)
    record_figure("ms that the slowest call took with the router frozen, guard 600", round(_in_time(answers) * 1000))


def test_a_port_that_takes_no_connection_costs_two_seconds(exchange: Exchange, routed: Routed) -> None:
    with FullBacklog() as full:
        install(exchange, generated(routed, RULES, ask=full.port))
        answers = _asked(exchange, 5)
    assert all(_is(got, STATICS) for got in answers)
    _in_time(answers, CONNECT_S)


def test_an_answer_at_the_guards_edge_is_whole(exchange: Exchange, routed: Routed, record_figure: Record) -> None:
    answers: list[dict[str, str]] = []
    with LateAgi(LATE) as late:
        install(exchange, generated(routed, RULES, ask=late.port))
        for ms in range(590, 611, full_or(2, full=1)):
            late.after_s = ms / 1000
            answers += _asked(exchange, full_or(4, full=20))
    record_figure("ms that the slowest of them took", round(_in_time(answers) * 1000))
    routers = sum(got["FR_SOURCE"] == "fallback" for got in answers)
    assert 0 < routers < len(answers), "the guard's edge was not met"
    record_figure("answers at 590 to 610 ms of a guard of 600", len(answers))
    record_figure("of them, those that were the router's; the others were the dialplan's own", routers)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_answer_cut_at_any_byte_is_the_routers_or_the_dialplans(
    exchange: Exchange, routed: Routed, record_figure: Record, reset: bool
) -> None:
    with CuttingProxy(routed.port) as proxy:
        install(exchange, generated(routed, RULES, ask=proxy.port))
        _asked(exchange, 1)
        total = proxy.passed[-1]
        cuts = list(range(total + 1)) if FULL else [*range(0, total, 11), *range(total - 12, total + 1)]
        proxy.reset = reset
        answers: list[dict[str, str]] = []
        for cut in cuts:
            proxy.cut_after = cut
            answers += _asked(exchange, 1)
    slowest_s = _in_time(answers)
    statics = sum(got["FR_SOURCE"] == "static" for got in answers)
    assert 0 < statics < len(answers)
    how = "reset" if reset else "closed"
    record_figure(f"bytes of an answer after which the connection was {how}", len(cuts))
    record_figure(f"of them, those that left the dialplan's own answer ({how})", statics)
    record_figure(f"ms that the slowest of these calls took ({how}), guard 600", round(slowest_s * 1000))


def test_a_caller_who_hangs_up_while_asking_ends_once(exchange: Exchange, routed: Routed) -> None:
    with LateAgi(LATE) as silent:
        install(exchange, generated(routed, RULES, ask=silent.port))
        token = exchange.call("512", "enter")
        assert silent.asked.acquire(timeout=30)
        channels = exchange.ami.command("core show channels concise").splitlines()
        (asking,) = [line.partition("!")[0] for line in channels if "!AGI!" in line]
        exchange.ami.action("Hangup", Channel=asking)
        exchange.told("Own", token)
    ends = "SELECT * FROM events WHERE call_id = ? AND stage LIKE 'end%'"
    wait_until(lambda: routed.rows(ends, exchange.call_id(token)), "the end in the journal")
    wait_until(lambda: asking not in exchange.ami.command("core show channels concise"), "the channel is gone")
    (end,) = routed.rows(ends, exchange.call_id(token))
    assert (end["stage"], end["did"]) == ("end_failed", "512")
