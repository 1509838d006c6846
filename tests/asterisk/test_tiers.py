"""A call in a real Asterisk asks, and each tier's route arrives in its dialplan, by each way to ask."""

from collections.abc import Iterator

import pytest

from tests.asterisk.crm_process import CrmProcess
from tests.asterisk.harness import Exchange
from tests.asterisk.routed import ABOUT, VARIABLES, Routed, doors, guard

pytestmark = pytest.mark.asterisk

CALLER = "79507533333"
DOORS = ("ask", "cur", "route")
HARD = 'Фирма "Ромашка", (VIP) [1] \\ 50% 📞 $[1+1] ${EXTEN}'
ROUTES: dict[str, dict[str, str]] = {
    "override": {"app": "group", "num": "911", "time": "120"},
    "live": {"app": "queue", "num": "62", "time": "100", "text": HARD, "audio1": "custom/hello", "auto": "7"},
    "remembered": {"app": "extension", "num": "632", "time": "20", "digium": "a b  c"},
    "synced": {"app": "ivr", "num": "5", "text": "из таблицы, 2"},
    "fallback": {"app": "voicemail", "num": "600", "select": "(a,b)"},
    "last_resort": {"app": "group", "num": "100", "time": "60"},
}
DIDS = {tier: f"10000{place}" for place, tier in enumerate(ROUTES)}
RULES = {"override": "everything is on fire", "synced": "row-1", "fallback": 'ночь, "дом" (2)'}
DESTINATIONS = {"override": "ext-group,911,1", "last_resort": "ext-group,100,1"}
SECOND = {"app": "group", "num": "700"}
NEXT = {"fallback": "ext-group,700,1"}
NAME = 'Иван "Ваня" Иванов, (5)'


def _rule(tier: str) -> dict[str, object]:
    rule: dict[str, object] = {"name": RULES[tier], "tier": tier, "did": DIDS[tier]}
    return rule | ({"routes": [ROUTES[tier], SECOND]} if tier in NEXT else {"route": ROUTES[tier]})


@pytest.fixture(scope="module")
def crm() -> Iterator[CrmProcess]:
    answers = {DIDS["live"]: ROUTES["live"] | {"CALLERID(name)": NAME}, DIDS["remembered"]: ROUTES["remembered"]}
    with CrmProcess(answers) as crm:
        yield crm


@pytest.fixture(scope="module")
def routed(crm: CrmProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router"), crm.url) as routed:
        routed.write_rules("rules.yaml", [_rule("override"), _rule("fallback")])
        routed.start()
        routed.feed([{"id": RULES["synced"], "did": DIDS["synced"], "result": ROUTES["synced"]}])
        yield routed


@pytest.fixture
def calling(exchange: Exchange, routed: Routed) -> Exchange:
    exchange.load(guard(routed.port, 30) + doors(routed.port))
    return exchange


def _ask(exchange: Exchange, door: str, did: str) -> tuple[dict[str, str], str]:
    """Place a call; return what its dialplan got, and its uniqueid."""
    token = exchange.call(did, door, CallerID=CALLER)
    names = [*VARIABLES, *ABOUT, "CALLERID(name)"]
    return dict(zip(names, exchange.values(token, names), strict=True)), exchange.call_id(token)


def _check(routed: Routed, got: dict[str, str], tier: str, call_id: str) -> None:
    """Compare what the dialplan got, and what the journal says, with the tier's route."""
    assert {name: got[name] for name in VARIABLES} == {name: ROUTES[tier].get(name, "") for name in VARIABLES}
    assert got["FR_SOURCE"] == tier
    assert got["FR_RULE"] == RULES.get(tier, "")
    assert got["FR_DEST"] == DESTINATIONS.get(tier, "")
    assert got["FR_NEXT"] == NEXT.get(tier, "")
    kept = routed.decision(got["FR_DECISION"])
    expected = {"call_id": call_id, "did": DIDS[tier], "caller": CALLER, "stage": "init", "source": tier, "test": 0}
    assert {name: kept[name] for name in expected} == expected


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("tier", ["override", "live", "synced", "fallback", "last_resort"])
def test_each_tier_routes_a_call(calling: Exchange, routed: Routed, tier: str, door: str) -> None:
    got, call_id = _ask(calling, door, DIDS[tier])
    _check(routed, got, tier, call_id)
    assert got["FR_STATUS"] == "ok"
    assert got["CALLERID(name)"] == (NAME if tier == "live" else "")


@pytest.mark.core
@pytest.mark.parametrize("door", DOORS)
def test_a_remembered_answer_routes_a_call_while_the_crm_is_down(
    calling: Exchange, routed: Routed, crm: CrmProcess, door: str
) -> None:
    before, _ = _ask(calling, door, DIDS["remembered"])
    assert before["FR_SOURCE"] == "live"
    crm.behave("503")
    try:
        got, call_id = _ask(calling, door, DIDS["remembered"])
    finally:
        crm.behave("ok")
    _check(routed, got, "remembered", call_id)
    assert got["FR_STATUS"] == "degraded"


@pytest.mark.parametrize("door", DOORS)
def test_the_crm_is_told_whose_call_it_is(calling: Exchange, crm: CrmProcess, routed: Routed, door: str) -> None:
    got, call_id = _ask(calling, door, DIDS["live"])
    asked = next(question for question in reversed(crm.questions()) if question["id"] == call_id)
    told = {name: asked[name] for name in ("callerid", "phonenumber", "stage", "decision")}
    decision = got["FR_DECISION"]
    assert told == {"callerid": CALLER, "phonenumber": DIDS["live"], "stage": "init", "decision": decision}
    assert not asked.get("test")
