"""Filters of decisions against a plain look through all of them, and the indexes that they follow."""

import dataclasses
import re
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from fallbackrouter.core.decision import Decision, Step, Times
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.verdict import TimedOut
from fallbackrouter.store import search as searching
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.search import best_way, looking, search
from fallbackrouter.store.statistics import statistics
from fallbackrouter.store.wanted import SOURCES, STATUSES, Numbers, Wanted, newest_sql, page_sql
from tests.fakes.filled import at_journal, put
from tests.fakes.records import AT, a_decision

UTC = AT.tzinfo
LED_TO = re.compile(r"subquery|\bnewest$")
COUNT = 600
DIDS = ("74951111111", "74952222222", "78120000001")
CALLERS = ("79500000001", "79500000002", "79610000003", "")
RULES = ("", "office", "night")


def various(number: int, dice: Random) -> Decision:
    did, caller, rule = dice.choice(DIDS), dice.choice(CALLERS), dice.choice(RULES)
    made = a_decision(
        number,
        at=AT + timedelta(seconds=number // 3),
        test=number % 50 == 0,
        did=read_number(did, None),
        caller=read_number(caller, None),
    )
    drilled = (Step("live", TimedOut("drill: hang"), 1.0),) if dice.random() < 0.05 else ()
    return replace(
        made, source=dice.choice(SOURCES), status=dice.choice(STATUSES), rule=rule, steps=(*drilled, *made.steps)
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "journal.db"
    dice = Random(5)
    made = [various(number, dice) for number in range(COUNT)]
    dice.shuffle(made)  # workers write side by side: rows lie neither by moment nor by id
    put(path, *made)
    with at_journal(path) as journal:
        for number in range(COUNT - 5):  # the last have not left yet
            ms = dice.choice((0.5, 20.0, 250.0, 1500.0))
            journal.execute("UPDATE decisions SET ms = ? WHERE rowid = ?", (ms, number + 1))
    return path


FILTERS: dict[str, tuple[Wanted, str]] = {
    "nothing": (Wanted(), "true"),
    "did": (Wanted(did=Numbers(DIDS[:1])), f"did_key = '{DIDS[0]}'"),
    "did prefix": (Wanted(did=Numbers(("7495",), prefix=True)), "did_key LIKE '7495%'"),
    "caller": (Wanted(caller=Numbers(CALLERS[:1])), f"caller_key = '{CALLERS[0]}'"),
    "two names of a caller": (Wanted(caller=Numbers(CALLERS[:2])), f"caller_key IN {CALLERS[:2]}"),
    "caller prefix": (Wanted(caller=Numbers(("7950",), prefix=True)), "caller_key LIKE '7950%'"),
    "withheld": (Wanted(caller=Numbers(("",))), "caller_key = ''"),
    "source": (Wanted(source="synced"), "source = 'synced'"),
    "status": (Wanted(status="degraded"), "status = 'degraded'"),
    "rule": (Wanted(rule="night"), "rule = 'night'"),
    "since": (Wanted(since_ms=to_ms(AT) + 100_000), f"at >= {to_ms(AT) + 100_000}"),
    "until": (Wanted(until_ms=to_ms(AT) + 50_000), f"at < {to_ms(AT) + 50_000}"),
    "slow": (Wanted(slow_ms=250.0), "ms >= 250"),
    "rather slow": (Wanted(slow_ms=20.0), "ms >= 20"),
    "at all slow": (Wanted(slow_ms=0.6), "ms >= 0.6"),
    "drill": (Wanted(drill=True), "trail LIKE '%\"drill: %'"),
    "no tests": (Wanted(tests=False), "test = 0"),
}


def merged(one: Wanted, other: Wanted) -> Wanted | None:
    """Both filters; None where they are about the same thing."""
    changes = {
        name: getattr(other, name) for name in Wanted.__slots__ if getattr(other, name) != getattr(Wanted(), name)
    }
    if any(getattr(one, name) != getattr(Wanted(), name) for name in changes):
        return None
    return dataclasses.replace(one, **changes)


def plainly(path: Path, where: str, limit: int = 10_000) -> list[str]:
    with at_journal(path) as journal:
        sql = f"SELECT id FROM decisions NOT INDEXED WHERE {where} ORDER BY at DESC, id DESC LIMIT {limit}"  # noqa: S608 - a test's own words
        return [row[0] for row in journal.execute(sql)]


@pytest.mark.parametrize(("one", "other"), [pair for pair in product(FILTERS, FILTERS) if pair[0] <= pair[1]])
@pytest.mark.parametrize("page", [7, 2000])
def test_filters_find_what_a_plain_look_finds(
    path: Path, monkeypatch: pytest.MonkeyPatch, one: str, other: str, page: int
) -> None:
    monkeypatch.setattr(searching, "PAGE", page)
    wanted = FILTERS[one][0] if one == other else merged(FILTERS[one][0], FILTERS[other][0])
    if wanted is None:
        return
    where = f"{FILTERS[one][1]} AND {FILTERS[other][1]}"
    expected = plainly(path, where)
    assert [row["id"] for row in search(path, wanted)] == expected
    assert [row["id"] for row in search(path, wanted, limit=9)] == expected[:9]


@pytest.mark.parametrize("among", [0, 5, 80, 10_000])
@pytest.mark.parametrize("one", ["did prefix", "caller prefix"])
def test_what_is_frequent_is_found_among_the_newest_or_behind_them(
    path: Path, monkeypatch: pytest.MonkeyPatch, one: str, among: int
) -> None:
    monkeypatch.setattr(searching, "COUNTED", 1)
    monkeypatch.setattr(searching, "LOOKED_THROUGH", among)
    monkeypatch.setattr(searching, "PAGE", 7)
    for other in ("nothing", "since", "until", "source", "status", "rule"):
        wanted = merged(FILTERS[one][0], FILTERS[other][0])
        assert wanted is not None
        expected = plainly(path, f"{FILTERS[one][1]} AND {FILTERS[other][1]}")
        assert [row["id"] for row in search(path, wanted)] == expected
        assert [row["id"] for row in search(path, wanted, limit=9)] == expected[:9]


def test_of_what_is_frequent_only_the_newest_are_looked_through(path: Path) -> None:
    query = newest_sql(FILTERS["did prefix"][0], (to_ms(AT) + 100_000, "z"), 20, 50)
    with looking(path) as connection:
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.values)]
    touched = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert touched
    assert all("decisions_by_time" in step for step in touched), plan


def test_the_filters_of_the_tests_find_some_and_not_all(path: Path) -> None:
    found = {name: len(plainly(path, where)) for name, (_, where) in FILTERS.items() if name != "nothing"}
    assert all(0 < count < COUNT for count in found.values()), found


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_reads_every_decision(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, crowded: bool
) -> None:
    if crowded:  # as where there are more than can be counted
        monkeypatch.setattr(searching, "COUNTED", 1)
    wanted = FILTERS[name][0]
    with looking(path) as connection:
        way = best_way(connection, wanted)
        query = page_sql(way, wanted, None, 20)
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.values)]
    # What indexes led to may be gone through again, to be sorted: that is no decision that is read.
    touched = [step for step in plan if step.startswith(("SCAN", "SEARCH")) and not LED_TO.search(step)]
    assert touched
    assert all("USING" in step for step in touched), plan
    sorts = [step for step in plan if step == "USE TEMP B-TREE FOR ORDER BY"]
    assert not sorts or not way.in_order, plan


def test_of_several_filters_the_one_that_leaves_the_least_is_followed(path: Path) -> None:
    rare = Numbers(("79990000000",))
    with looking(path) as connection:
        assert best_way(connection, Wanted(status="ok", caller=rare)).parts[0].index == "decisions_by_caller"
        assert (
            best_way(connection, Wanted(caller=Numbers(CALLERS[:1]), rule="no such")).parts[0].index
            == "decisions_by_rule"
        )


def test_a_journal_of_an_older_schema_is_one_sentence(tmp_path: Path) -> None:
    with at_journal(tmp_path / "journal.db") as journal:
        journal.execute("DROP INDEX decisions_by_time")
    with pytest.raises(StoreError, match="has not been brought to this version's schema; start or restart the service"):
        list(search(tmp_path / "journal.db", Wanted()))


def test_statistics_count_what_is_there_but_for_our_own_questions(path: Path) -> None:
    assert UTC is not None
    found = statistics(path, Wanted(), UTC)
    with at_journal(path) as journal:
        sources = dict(journal.execute("SELECT source, count(*) FROM decisions WHERE test = 0 GROUP BY 1").fetchall())
        degraded = journal.execute("SELECT count(*) FROM decisions WHERE test = 0 AND status = 'degraded'").fetchone()
        known = "SELECT ms FROM decisions WHERE test = 0 AND ms IS NOT NULL ORDER BY ms"
        times = [row[0] for row in journal.execute(known)]
    assert {name: share.count for name, share in found.tiers.items()} == sources
    assert list(found.tiers) == list(SOURCES)
    assert (found.all.count, found.degraded) == (sum(sources.values()), degraded[0])
    assert found.local == found.all.count - sources["live"]
    assert found.hours[10] == (found.all.count, found.local)
    for percent in (50, 95, 99):
        assert found.all.ms[percent] == times[-(-len(times) * percent // 100) - 1]


def test_statistics_obey_filters(path: Path) -> None:
    assert UTC is not None
    wanted = Wanted(source="fallback", caller=Numbers(CALLERS[:1]))
    expected = plainly(path, f"source = 'fallback' AND caller_key = '{CALLERS[0]}' AND test = 0")
    assert statistics(path, wanted, UTC).all.count == len(expected) > 0


def test_statistics_of_nothing_are_nothing(path: Path) -> None:
    assert UTC is not None
    found = statistics(path, Wanted(rule="no such"), UTC)
    assert (found.all.count, found.local, found.tiers, found.all.ms[50]) == (0, 0, {}, None)


def test_times_are_those_of_the_answer(tmp_path: Path) -> None:
    put(tmp_path / "journal.db", replace(a_decision(1), times=Times(read=1.0)))
    assert next(search(tmp_path / "journal.db", Wanted()))["ms"] is None
