import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fallbackrouter.clock import load_zone
from fallbackrouter.core.call import Call
from fallbackrouter.core.errors import FeedError, StoreError
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.route import Gate, Refused, Route
from fallbackrouter.core.rule import ANYONE, Condition, Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.store import route_draft, route_laying, route_staging
from fallbackrouter.store.route_row import Changes, RouteRow
from fallbackrouter.store.routes import RoutesCopy
from tests.fakes.routes import route_row as row
from tests.fakes.routes import write_routes

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # a Monday
GATE = Gate(
    apps={"group": ("num",), "hangup": ()},
    num=re.compile("[0-9]{1,9}"),
    external=re.compile("[0-9]+"),
    variables=frozenset({"app", "num"}),
)


def number(text: str) -> Number:
    e164 = f"+7{text[1:]}" if text.startswith("8") and text.isdigit() else ""
    return read_number(text, lambda _: e164)


def a_call(did: str = "74951111111", caller: str = "89507533333", stage: str = "init") -> Call:
    return Call(number(did), number(caller), stage=stage)


class Table:
    """A folder with a routes.db that can be written and loaded again and again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "routes.db"
        self.copies: list[RoutesCopy] = []

    def write(self, *rows: RouteRow) -> Changes:
        return write_routes(self.path, rows, synced_at=AT)

    def load(self, gate: Gate = GATE, default_zone: str = "UTC") -> RoutesCopy:
        copy = RoutesCopy.load(self.path, gate=gate, load_zone=load_zone, default_zone=default_zone)
        self.copies.append(copy)
        return copy

    def of(self, *rows: RouteRow) -> RoutesCopy:
        self.write(*rows)
        return self.load()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path)
    yield made
    for copy in made.copies:
        copy.close()


def name_of(found: Rule | Refused | None) -> str:
    assert not isinstance(found, Refused)
    return "" if found is None else found.name


def test_a_route_comes_back_as_the_rule_that_it_is(table: Table) -> None:
    fed = row(
        "r1",
        did="74951111111",
        caller="_8950.",
        stage="init",
        when=("09:00-18:00,mon-fri", "10:00-12:00,sat"),
        timezone="Europe/Moscow",
        priority=3,
        valid_from=AT - timedelta(days=1),
        valid_until=AT + timedelta(milliseconds=1),
    )
    copy = table.of(fed)
    assert copy.first(a_call(), AT) == Rule(
        name="r1",
        tier="synced",
        route=Route((("app", "group"), ("num", "62"))),
        did=Condition(exact=frozenset({"74951111111"})),
        caller=Condition(patterns=(parse_pattern("_8950."),)),
        stages=frozenset({"init"}),
        windows=(parse_window("09:00-18:00,mon-fri"), parse_window("10:00-12:00,sat")),
        zone=load_zone("Europe/Moscow"),
        priority=3,
        place="feed",
        valid_from=AT - timedelta(days=1),
        valid_until=AT + timedelta(milliseconds=1),
    )
    assert copy.first(a_call(), AT + timedelta(milliseconds=1)) is None
    assert copy.first(a_call(), AT - timedelta(days=1, milliseconds=1)) is None
    assert copy.first(a_call(stage="other"), AT) is None
    assert (copy.count, copy.synced_at, copy.cursor) == (1, AT, "")


def test_without_a_file_there_are_no_routes(table: Table) -> None:
    copy = table.load()
    assert copy.first(a_call(), AT) is None
    assert copy.candidates(number("1"), number("2"), "init") == []
    assert (copy.count, copy.synced_at, copy.cursor) == (0, None, "")


def test_an_empty_feed_is_known_to_be_empty(table: Table) -> None:
    copy = table.of()
    assert copy.first(a_call(), AT) is None
    assert (copy.count, copy.synced_at) == (0, AT)


def test_the_winning_order_is_the_design_s(table: Table) -> None:
    copy = table.of(
        row("any"),
        row("prefix", "_7495."),
        row("longer prefix", "_74951."),
        row("fixed", "_7495XXXXXXX"),
        row("set", "_74951[1-3]XXXXX"),
        row("number", "74951111111"),
        row("number, caller prefix", "74951111111", "_8950."),
        row("number, caller", "74951111111", "79507533333"),
        row("urgent", "", "", priority=5),
        row("withheld", "74951111111", "withheld"),
    )
    names = [rule.name for rule in copy.candidates(number("74951111111"), number("89507533333"), "init")]
    assert names == [
        "urgent",
        "number, caller",
        "number, caller prefix",
        "number",
        "set",
        "longer prefix",
        "fixed",
        "prefix",
        "any",
    ]
    assert name_of(copy.first(a_call(), AT)) == "urgent"
    withheld = copy.candidates(number("74951111111"), number(""), "init")
    assert [rule.name for rule in withheld][:3] == ["urgent", "withheld", "number"]


def test_patterns_with_and_without_a_place_are_weighed_against_each_other(table: Table) -> None:
    indexed_wins = table.of(row("indexed", "_7495."), row("tried", "_7[1-6]95."), row("any"))
    assert name_of(indexed_wins.first(a_call(), AT)) == "indexed"
    tried_wins = table.of(row("indexed", "_749."), row("tried", "_749[1-6]."), row("any"))
    assert name_of(tried_wins.first(a_call(), AT)) == "tried"
    assert name_of(tried_wins.first(a_call("74971"), AT)) == "indexed"
    tried_alone = table.of(row("tried", "_749[1-6]."))
    assert name_of(tried_alone.first(a_call(), AT)) == "tried"


def test_between_equals_the_id_decides(table: Table) -> None:
    assert name_of(table.of(row("b"), row("a")).first(a_call(), AT)) == "a"
    mixed = table.of(row("b", "_749[56]."), row("a", "_749[56]."))
    assert [rule.name for rule in mixed.candidates(number("7495123"), number("1"), "init")] == ["a", "b"]


def test_a_row_that_comes_twice_is_the_later_one(table: Table) -> None:
    summary = table.write(row("a", "1"), row("b", "2"), row("a", "3"))
    assert summary.count == 2
    copy = table.load()
    assert name_of(copy.first(a_call("3"), AT)) == "a"
    assert copy.first(a_call("1"), AT) is None


def test_a_row_that_may_not_reach_a_dialplan_is_refused_and_none_takes_its_place(table: Table) -> None:
    bad = {"app": "teleport"}
    indexed = table.of(row("good"), row("bad", "74951111111", result=bad))
    assert indexed.first(a_call(), AT) == Refused("route bad: unknown app teleport", "app")
    assert name_of(indexed.first(a_call("1"), AT)) == "good"
    assert [rule.name for rule in indexed.candidates(number("74951111111"), number("1"), "init")] == ["good"]
    tried = table.of(row("good"), row("bad", "_74[89]5.", result=bad))
    assert tried.first(a_call(), AT) == Refused("route bad: unknown app teleport", "app")


def test_the_gate_of_the_load_counts(table: Table) -> None:
    table.write(row("a"))
    assert name_of(table.load().first(a_call(), AT)) == "a"
    strict = Gate(apps={"hangup": ()}, num=GATE.num, external=GATE.external, variables=GATE.variables)
    assert isinstance(table.load(strict).first(a_call(), AT), Refused)


@pytest.mark.parametrize("did", ["", "_74[89]5."])
def test_a_zone_that_this_machine_lacks_is_refused_not_passed_over(table: Table, did: str) -> None:
    copy = table.of(row("good"), row("bad", did, when=("*",), timezone="Mars/Olympus", priority=1))
    assert copy.first(a_call(), AT) == Refused(
        "route bad: there is no time zone 'Mars/Olympus' on this machine", "when"
    )


def test_a_window_without_a_zone_is_in_the_router_s(table: Table) -> None:
    table.write(row("a", when=("12:00-14:00",)))
    assert table.load(default_zone="UTC").first(a_call(), AT) is None
    assert name_of(table.load(default_zone="Europe/Moscow").first(a_call(), AT)) == "a"


CONDITIONS = st.one_of(
    st.sampled_from(["", "", "12", "123", "9123", "79123", "1\x1f2"]),
    st.builds(
        lambda fixed, digits, tail: f"_{fixed}{digits}{tail}",
        st.sampled_from(["", "1", "12", "+7", "79", "[1-3]", "1[2-4]", "N", "Z2"]),
        st.sampled_from(["", "X", "XX"]),
        st.sampled_from(["", ".", "!"]),
    ),
).filter(lambda text: text != "_")
CALLERS = st.one_of(st.just("withheld"), CONDITIONS)
NUMBERS = st.one_of(
    st.sampled_from(["", "1", "12", "123", "1234", "9123", "89123", "+79123", "79123", "33", "_12.", "_", "x", "12-3"]),
    st.text("1239+_.!X\t=", max_size=5),
)
ROWS = st.lists(
    st.builds(
        row,
        name=st.integers(0, 30).map(str),
        did=CONDITIONS,
        caller=CALLERS,
        stage=st.sampled_from(["", "", "init", "end"]),
        when=st.sampled_from([(), (), ("09:00-18:00",), ("18:01-08:59", "*,sun")]),
        timezone=st.sampled_from(["", "Europe/Moscow"]),
        priority=st.integers(-1, 1),
        valid_from=st.sampled_from([None, None, AT, AT + timedelta(hours=1)]),
        valid_until=st.sampled_from([None, None, AT, AT + timedelta(days=1)]),
    ),
    max_size=25,
)


def condition(text: str) -> Condition:
    if text in ("", "withheld"):
        return Condition(withheld=True) if text else ANYONE
    if text.startswith("_"):
        return Condition(patterns=(parse_pattern(text),))
    return Condition(exact=frozenset({text}))


def as_rule(fed: RouteRow) -> Rule:
    return Rule(
        name=fed.id,
        tier="synced",
        route=Route((("app", "group"), ("num", "62"))),
        did=condition(fed.did),
        caller=condition(fed.caller),
        stages=frozenset({fed.stage}) if fed.stage else frozenset(),
        windows=tuple(map(parse_window, json.loads(fed.windows or "[]"))),
        zone=load_zone(fed.timezone or "UTC"),
        priority=fed.priority,
        valid_from=fed.valid_from,
        valid_until=fed.valid_until,
    )


@settings(max_examples=150, deadline=None)
@given(ROWS, st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from(["init", "end", "else"])), min_size=1, max_size=8))
def test_the_copy_decides_as_the_rulebook_does(
    tmp_path_factory: pytest.TempPathFactory, rows: list[RouteRow], calls: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("routes") / "routes.db"
    write_routes(path, rows, synced_at=AT)
    latest = {fed.id: fed for fed in rows}
    book = Rulebook(as_rule(fed) for fed in sorted(latest.values(), key=lambda fed: fed.id))
    copy = RoutesCopy.load(path, gate=GATE, load_zone=load_zone, default_zone="UTC")
    with closing(copy):
        for did, caller, stage in calls:
            call = a_call(did, caller, stage)
            for at in (AT, AT + timedelta(hours=10)):
                expected = book.first(call, at)
                assert name_of(copy.first(call, at)) == ("" if expected is None else expected.name)
            ranked = [one.rule.name for one in book.ranked(call, AT)]
            assert [rule.name for rule in copy.candidates(call.did, call.caller, stage)] == ranked


def test_a_pattern_that_is_none_refuses_the_feed_and_the_former_routes_stay(table: Table) -> None:
    table.write(row("a"))
    before = table.path.read_bytes()
    with pytest.raises(FeedError, match="row b: a square bracket has no partner"):
        table.write(row("b", "_1[2"))
    assert table.path.read_bytes() == before
    assert [path.name for path in table.path.parent.iterdir()] == ["routes.db"]


def test_what_would_make_look_ups_slow_refuses_the_feed(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_staging, "MAX_SHAPES", 3)
    monkeypatch.setattr(route_laying, "MAX_ROUTES_PER_KEY", 3)
    draft = route_draft.RouteDraft(table.path, delta=False, max_patterns=3)
    draft.put([row(str(count), "_[12]X") for count in range(4)])
    with pytest.raises(FeedError, match="4 routes have patterns other than a prefix, at most 3"):
        draft.lay()
    draft.discard()
    with pytest.raises(FeedError, match="more than 3 combinations of kinds"):
        table.write(*(row(str(count), "_" + "1" * count + ".") for count in range(1, 5)))
    with pytest.raises(FeedError, match="more than 3 routes have the did and the caller of row 0"):
        table.write(*(row(str(count), "12") for count in range(4)))


def test_a_crash_while_writing_leaves_the_former_routes(table: Table) -> None:
    table.write(row("a"))

    def rows() -> Iterator[RouteRow]:
        yield row("b")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_routes(table.path, rows(), synced_at=AT)
    assert name_of(table.load().first(a_call(), AT)) == "a"
    for suffix in (".new", ".staged"):
        table.path.with_suffix(suffix).write_bytes(b"left by a kill -9")
    table.write(row("c"))
    assert name_of(table.load().first(a_call(), AT)) == "c"


def test_a_copy_goes_on_while_a_new_generation_comes(table: Table) -> None:
    old = table.of(*(row(str(count), str(count)) for count in range(1000)))
    new = table.of(row("new"))
    assert name_of(old.first(a_call("77"), AT)) == "77"
    assert name_of(new.first(a_call("77"), AT)) == "new"


def test_a_file_that_is_no_database_is_told_in_one_sentence(table: Table) -> None:
    table.path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="damaged or no SQLite database"):
        table.load()


def test_half_a_file_is_told_in_one_sentence(table: Table) -> None:
    table.write(*(row(str(count), str(count)) for count in range(5000)))
    whole = table.path.read_bytes()
    table.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged or no SQLite database"):
        table.load()


def test_a_file_of_another_schema_is_told_in_one_sentence(table: Table) -> None:
    table.write(row("a"))
    with closing(sqlite3.connect(table.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"is of another version of fallbackrouter; run `fallbackrouter sync`"):
        table.load()


def test_a_folder_that_is_missing_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened or written"):
        write_routes(tmp_path / "missing" / "routes.db", [], synced_at=AT)


def test_a_delta_changes_what_it_names_and_nothing_else(table: Table) -> None:
    table.write(row("a", "1"), row("b", "2"), row("c", "_3[45]X"), row("d", "4"), row("same", "5"))
    changes = write_routes(
        table.path,
        [row("b", "22"), row("c", "33"), row("new", "_6[78]X"), row("same", "5")],
        delta=True,
        gone=["a", "never was"],
    )
    assert (changes.former, changes.count, changes.patterns) == (5, 5, 1)
    assert (changes.added, changes.changed, changes.removed, changes.unchanged) == (1, 2, 1, 2)
    copy = table.load()
    found = {did: name_of(copy.first(a_call(did), AT)) for did in ("1", "2", "22", "33", "34", "4", "5", "677", "67X")}
    assert found == {"1": "", "2": "", "22": "b", "33": "c", "34": "", "4": "d", "5": "same", "677": "new", "67X": ""}


def test_of_a_row_and_the_word_that_it_is_gone_the_later_counts(table: Table) -> None:
    table.write(row("a", "1"))
    draft = route_draft.RouteDraft(table.path, delta=True)
    draft.put([row("b", "2"), row("c", "3")])
    draft.drop(["b", "a"])
    draft.put([row("a", "4")])
    changes = draft.lay()
    draft.publish(changes, synced_at=AT, facts={"cursor": "7"})
    draft.discard()
    assert (changes.added, changes.changed, changes.removed, changes.count) == (1, 1, 0, 2)
    copy = table.load()
    assert [name_of(copy.first(a_call(did), AT)) for did in "1234"] == ["", "", "c", "a"]
    assert copy.cursor == "7"


def test_a_full_feed_says_what_it_changes(table: Table) -> None:
    first = table.write(row("a", "1"), row("b", "2"), row("c", "_3[45]X"), row("d", "4"))
    assert (first.former, first.added, first.count) == (0, 4, 4)
    second = table.write(
        row("a", "1"), row("b", "2", result={"app": "group", "num": "9"}), row("c", "5"), row("e", "_3[45]X")
    )
    assert (second.former, second.count) == (4, 4)
    assert (second.added, second.changed, second.removed, second.unchanged) == (1, 2, 1, 1)
