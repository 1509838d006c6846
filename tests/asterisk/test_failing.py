"""Whatever becomes of the router, the call goes on in its dialplan: with a whole answer, or with none."""

from collections.abc import Iterator

import pytest

from tests.asterisk.cutting import CuttingProxy
from tests.asterisk.harness import Exchange
from tests.asterisk.routed import ABOUT, VARIABLES, Routed, doors, guard
from tests.fakes.service import wait_until
from tests.proof.figures import Record
from tests.proof.size import FULL

pytestmark = pytest.mark.asterisk

GUARD_S = 0.6
NAMES = ("AGISTATUS", "TIMEOUT(absolute)", *VARIABLES, *ABOUT, "CALLERID(name)")
ROUTE = {"app": "queue", "num": "62", "time": "100", "text": 'a, "b" (c] \\ д 📞', "CALLERID(name)": "Кто-то"}
WHOLE = {name: ROUTE.get(name, "") for name in VARIABLES} | {"FR_SOURCE": "fallback", "FR_RULE": "all"}
AT_ONCE = 20


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router")) as routed:
        routed.write_rules("rules.yaml", [{"name": "all", "tier": "fallback", "did": "_5X.", "route": ROUTE}])
        routed.start()
        yield routed


def _got(exchange: Exchange, token: str) -> dict[str, str]:
    return dict(zip(NAMES, exchange.values(token, NAMES), strict=True))


def _is_whole(got: dict[str, str]) -> bool:
    """Tell whether everything is there; of FR_SOURCE, which stands last, a cut may have left the beginning."""
    there = WHOLE | {"FR_SOURCE": got["FR_SOURCE"]}
    return (
        "fallback".startswith(got["FR_SOURCE"] or "nothing")
        and {name: got[name] for name in there} == there
        and len(got["FR_DECISION"]) == 36
    )


def test_an_answering_router_leaves_the_calls_own_timeout_alone(exchange: Exchange, routed: Routed) -> None:
    exchange.load(guard(routed.port, 30) + doors(routed.port))
    got = _got(exchange, exchange.call("512", "ask"))
    assert _is_whole(got)
    assert got["AGISTATUS"] == "SUCCESS"
    assert float(got["TIMEOUT(absolute)"]) == 0


def test_a_frozen_router_gives_the_call_back(exchange: Exchange, routed: Routed) -> None:
    exchange.load(guard(routed.port, GUARD_S) + doors(routed.port))
    routed.freeze()
    try:
        tokens = [exchange.call("512", "ask") for _ in range(AT_ONCE)]
        answers = [_got(exchange, token) for token in tokens]
    finally:
        routed.thaw()
    for got in answers:
        assert got["FR_SOURCE"] == ""
        assert got["auto"] == "stale", "not a single variable was set"
        assert float(got["TIMEOUT(absolute)"]) == 0
    exchange.load(guard(routed.port, 30) + doors(routed.port))
    wait_until(lambda: _is_whole(_got(exchange, exchange.call("512", "ask"))), "an answer once it goes on")


def test_a_stopped_router_gives_the_call_back(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Routed(tmp_path_factory.mktemp("router")) as routed:
        exchange.load(guard(routed.port, GUARD_S) + doors(routed.port))
        routed.start()
        routed.stop()
        got = _got(exchange, exchange.call("512", "ask"))
    assert (got["AGISTATUS"], got["FR_SOURCE"], got["auto"]) == ("FAILURE", "", "stale")
    assert float(got["TIMEOUT(absolute)"]) == 0


def test_an_answer_cut_at_any_byte_leaves_every_variable_of_its_route_or_none(
    exchange: Exchange, routed: Routed, record_figure: Record
) -> None:
    with CuttingProxy(routed.port) as proxy:
        exchange.load(guard(proxy.port, 30) + doors(proxy.port))
        assert _is_whole(_got(exchange, exchange.call("512", "ask")))
        total = proxy.passed[-1]
        cuts = list(range(total + 1)) if FULL else [*range(0, total, 9), *range(total - 12, total + 1)]
        seen = {cut: _cut(exchange, proxy, cut) for cut in cuts}
    none = [cut for cut, got in seen.items() if got["FR_SOURCE"] == ""]
    whole = [cut for cut, got in seen.items() if _is_whole(got)]
    assert sorted({*none, *whole}) == sorted(seen), [got for cut, got in seen.items() if cut not in {*none, *whole}]
    assert seen[total]["FR_SOURCE"] == "fallback"
    assert 0 in none
    shortened = [cut for cut in whole if seen[cut]["FR_SOURCE"] != "fallback"]
    record_figure("bytes at which an answer was cut", len(cuts))
    record_figure("of them, those that left the dialplan no answer", len(none))
    record_figure("those that left it a whole answer", len(whole) - len(shortened))
    record_figure(
        "those that left it a whole answer but for the end of FR_SOURCE, which is the last to arrive", len(shortened)
    )


def _cut(exchange: Exchange, proxy: CuttingProxy, cut: int) -> dict[str, str]:
    proxy.cut_after = cut
    got = _got(exchange, exchange.call("512", "ask"))
    proxy.cut_after = None
    return got
