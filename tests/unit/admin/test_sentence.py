"""One sentence on how things stand: what it says in each case, and that no call is left out of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.admin.pages.sentence import Standing, sentence_of
from fallbackrouter.admin.pages.words import EN, LANGUAGES, RU, Words
from fallbackrouter.control.parts import DEGRADED, FAILING, OFF, OK, STATES
from fallbackrouter.core.tier import DEFAULT_ORDER
from fallbackrouter.office.lately import Span

WELL = ("ok", "")


def span(degraded: int = 0, **tiers: int) -> Span:
    return Span(sum(tiers.values()), tiers, degraded, {})


def standing(crm: str = OK, *, since: Span | None = None, recent: Span | None = None, **more: object) -> Standing:
    recent = recent if recent is not None else span()
    facts = {"crm_s": 180.0, "workers": WELL, "drill": None, "crm_ms": None, **more}
    return Standing(crm=crm, recent=recent, since=since if since is not None else recent, **facts)  # type: ignore[arg-type]


CASES = [
    (
        standing(recent=span(live=40), crm_ms=42.0),
        OK,
        "CRM answers in 42 ms; all calls routed live.",
        "CRM отвечает за 42 мс; все звонки направляет она.",
    ),
    (
        standing(FAILING, since=span(synced=412, last_resort=9)),
        FAILING,
        "CRM down for 3 min: 412 calls routed from synced routes, 9 by last resort.",
        "CRM не отвечает 3 мин: 412 звонков направлены по синхронизированным маршрутам, 9 на крайний случай.",
    ),
    (
        standing(FAILING, since=span(fallback=1)),
        FAILING,
        "CRM down for 3 min: 1 call routed by rules.",
        "CRM не отвечает 3 мин: 1 звонок направлен по правилам.",
    ),
    (
        standing(DEGRADED, since=span(live=2, remembered=3)),
        DEGRADED,
        "CRM asked in part for 3 min: 2 calls routed live, 3 by remembered answers.",
        "CRM спрашиваем частично уже 3 мин: 2 звонка направила CRM, 3 по запомненным ответам.",
    ),
    (
        standing(recent=span(live=1000, override=1), crm_ms=4.25),
        OK,
        "CRM answers in 4.2 ms: 1,000 calls routed live, 1 by overrides.",
        None,
    ),
    (
        standing(recent=span(degraded=5, fallback=5)),
        DEGRADED,
        "CRM gives no answer in time: 5 calls routed by rules.",
        None,
    ),
    (standing(recent=span(override=2)), OK, "CRM was not needed: 2 calls routed by overrides.", None),
    (standing(OFF, recent=span(fallback=21)), OK, "No CRM is configured: 21 calls routed by rules.", None),
    (standing(FAILING, crm_s=None), FAILING, "CRM down: no calls meanwhile.", None),
    (
        standing(drill=("hang", 90.0), since=span(synced=4)),
        DEGRADED,
        "A drill is on (hang), for 1 min more: 4 calls routed from synced routes.",
        None,
    ),
    (
        standing(FAILING, workers=(FAILING, "worker 1 is starting")),
        FAILING,
        "No call is answered: worker 1 is starting.",
        None,
    ),
    (None, FAILING, "The service does not answer its own control socket; its log says why.", None),
]


@pytest.mark.parametrize(("stands", "mood", "english", "russian"), CASES)
def test_what_is_said(stands: Standing | None, mood: str, english: str, russian: str | None) -> None:
    said = sentence_of(stands, Words(EN))
    assert (said.text, said.mood) == (english, mood)
    if russian is not None:
        assert sentence_of(stands, Words(RU)).text == russian


counts = st.dictionaries(st.sampled_from(DEFAULT_ORDER), st.integers(0, 999), max_size=6)


@given(st.sampled_from([FAILING, DEGRADED, OFF]), counts, st.sampled_from(LANGUAGES), st.floats(0, 1e7))
def test_no_call_is_left_out_of_a_trouble_s_sentence(
    crm: str, tiers: dict[str, int], language: str, crm_s: float
) -> None:
    some = span(**tiers)
    said = sentence_of(standing(crm, recent=some, crm_s=crm_s), Words(language)).text
    told = [int(number) for number in re.findall(r"\d+", said.rpartition(": ")[2])]
    assert sum(told) == some.count
    assert "{" not in said


@given(st.sampled_from(STATES), counts, st.sampled_from(LANGUAGES), st.none() | st.floats(0, 5000), st.booleans())
def test_there_is_a_sentence_for_everything(
    crm: str, tiers: dict[str, int], language: str, crm_ms: float | None, drill: bool
) -> None:
    on = ("slow", 3.0) if drill else None
    said = sentence_of(standing(crm, recent=span(**tiers), crm_ms=crm_ms, drill=on), Words(language))
    assert said.text.endswith(".")
    assert said.mood in STATES
