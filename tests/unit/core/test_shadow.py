"""Rules that can never win: what is called so never wins, by brute force over numbers and minutes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fallbackrouter.core.call import Call
from fallbackrouter.core.cover import pattern_covers
from fallbackrouter.core.dates import NO_DATES, DateSet, parse_dates
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Condition, Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.core.shadow import MAX_FOR_ONE, shadows
from tests.proof.examples import examples

ROUTE = Route((("app", "hangup"),))
MOSCOW, TOKYO = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Tokyo")


def _read(text: str) -> Number:
    return read_number(text, None)


def _of(text: str) -> Condition:
    texts = text.split()
    return Condition(
        any="any" in texts,
        exact=frozenset(_read(one).key for one in texts if one[0] != "_" and one not in ("any", "withheld")),
        patterns=tuple(parse_pattern(one) for one in texts if one[0] == "_"),
        withheld="withheld" in texts,
    )


def _dates(text: str) -> DateSet:
    return DateSet(tuple(map(parse_dates, text.split()))) if text else NO_DATES


def _rule(
    name: str,
    did: str = "any",
    caller: str = "any",
    when: str = "",
    *,
    dates: str = "",
    other_than: str = "",
    zone: ZoneInfo = MOSCOW,
    stages: str = "",
    **more: object,
) -> Rule:
    return Rule(
        name,
        "fallback",
        ROUTE,
        did=_of(did),
        caller=_of(caller),
        stages=frozenset(stages.split()),
        windows=tuple(map(parse_window, when.split())),
        dates=_dates(dates),
        except_dates=_dates(other_than),
        zone=zone if when or dates or other_than else None,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("rules", "by"),
    [
        ([_rule("a"), _rule("b")], ["a"]),
        ([_rule("b", when="09:00-18:00"), _rule("a")], []),
        ([_rule("a"), _rule("b", when="09:00-18:00")], ["a"]),
        ([_rule("a", when="09:00-18:00"), _rule("b", when="10:00-11:00,mon-fri")], ["a"]),
        ([_rule("a", when="09:00-18:00"), _rule("b", when="10:00-18:01")], []),
        ([_rule("a", when="09:00-18:00"), _rule("b", when="10:00-11:00", zone=TOKYO)], []),
        ([_rule("a", when="09:00-18:00"), _rule("c", when="18:00-09:00"), _rule("b")], ["a", "c"]),
        ([_rule("a", when="09:00-18:00"), _rule("c", when="18:00-09:00,mon-sat"), _rule("b")], []),
        ([_rule("a", when="09:00-18:00"), _rule("c", when="18:00-09:00", zone=TOKYO), _rule("b")], []),
        ([_rule("a", when="*,*,1-31,feb *,*,*,mar-jan"), _rule("b")], ["a"]),
        ([_rule("a", when="*,*,30,*"), _rule("b", when="*,*,28-30,feb&apr")], []),
        ([_rule("a", did="_7X."), _rule("b", did="_712")], []),
        ([_rule("a", did="_7X.", priority=1), _rule("b", did="_712")], ["a"]),
        ([_rule("a", did="_7X", priority=1), _rule("b", did="_712")], []),
        ([_rule("a", did="_X!", priority=1), _rule("b", did="712 _N1")], []),
        ([_rule("a", did="_!", priority=1), _rule("b", did="712 _N1")], ["a"]),
        ([_rule("a", did="_!", priority=1), _rule("b", did="any")], []),
        ([_rule("a", did="712 13"), _rule("b", did="13")], ["a"]),
        ([_rule("a", did="13"), _rule("b", did="712 13")], []),
        ([_rule("a", did="13"), _rule("c", did="712"), _rule("b", did="712 13")], []),
        ([_rule("a", did="12", caller="withheld 5"), _rule("b", did="12", caller="withheld")], ["a"]),
        ([_rule("a", did="12", caller="5"), _rule("b", did="12", caller="withheld")], []),
        ([_rule("a", did="12", caller="any", priority=1), _rule("b", did="12", caller="withheld 7 _8.")], ["a"]),
        ([_rule("a", caller="withheld _!", priority=1), _rule("b")], []),
        ([_rule("a", stages="init menu"), _rule("b", stages="menu")], ["a"]),
        ([_rule("a", stages="init"), _rule("b", stages="init menu")], []),
        ([_rule("a", stages="init"), _rule("b")], []),
        ([_rule("a", dates="2026-01-01..2026-01-08"), _rule("b", dates="2026-01-02 2026-01-07")], ["a"]),
        ([_rule("a", dates="2026-01-01..2026-01-08"), _rule("b", dates="2026-01-02 *-01-07")], []),
        ([_rule("a", dates="*-01-01..*-01-08"), _rule("b", dates="2026-01-02", when="10:00-11:00")], ["a"]),
        ([_rule("a", dates="2026-01-01"), _rule("b")], []),
        ([_rule("a", other_than="2026-01-01"), _rule("b")], []),
        ([_rule("a", other_than="2026-01-01"), _rule("b", other_than="*-01-01")], ["a"]),
        ([_rule("a", valid_until=datetime(2030, 1, 1, tzinfo=UTC)), _rule("b")], []),
    ],
)
def test_what_shadows_a_rule(rules: list[Rule], by: list[str]) -> None:
    found = shadows(rules, _read)
    assert found.left == 0
    assert [[one.name for one in shadow.by] for shadow in found.found if shadow.rule.name == "b"] == [by][: len(by)]


def test_a_rule_that_names_no_number_never_wins() -> None:
    (shadow,) = shadows([_rule("a"), _rule("b", did="", priority=9)], _read).found
    assert (shadow.rule.name, shadow.by) == ("b", ())


NUMBERS = ["1", "2", "12", "13", "123", "+71", "71", "1-2", "a", ""]
PARTS = ["1", "12", "13", "+71", "_X", "_XX", "_1X", "_[12]X", "_1.", "_1!", "_.", "_!", "_+7X", "any", "withheld"]
HOURS = [
    "",
    "",
    "09:00-18:00",
    "18:00-09:00",
    "10:00-11:00",
    "*,mon-fri",
    "*,sat-sun",
    "*,*,1-15 *,*,15-31",
    "*,*,29,feb",
]
DAYS = ["", "", "", "2026-03-02", "2026-03-01..2026-03-08", "*-03-02", "*-03-01..*-03-10"]
MOMENTS = [datetime(2026, 2, 27, tzinfo=UTC) + timedelta(hours=hour) for hour in range(0, 24 * 20, 5)] + [
    datetime(2026, 3, 2, 6, tzinfo=UTC) + timedelta(minutes=minute) for minute in (-1, 0, 60, 120, 121, 540, 541)
]


@st.composite
def _rules(draw: st.DrawFn) -> list[Rule]:
    some = st.lists(st.sampled_from(PARTS), min_size=1, max_size=2).map(" ".join)
    return [
        _rule(
            f"r{number}",
            draw(some).replace("withheld", "any"),
            draw(some | st.just("any")),
            draw(st.sampled_from(HOURS)),
            dates=draw(st.sampled_from(DAYS)),
            other_than=draw(st.sampled_from(DAYS)),
            zone=draw(st.sampled_from([MOSCOW, MOSCOW, TOKYO])),
            stages=draw(st.sampled_from(["", "", "init", "init menu"])),
            priority=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(2, 6)))
    ]


@settings(max_examples=examples(300, full=3000))
@given(_rules())
def test_what_is_said_never_to_win_never_wins(rules: list[Rule]) -> None:
    never = {shadow.rule.name: shadow for shadow in shadows(rules, _read).found}
    event(f"shadowed: {min(len(never), 3)}")
    book = Rulebook(rules)
    for did in NUMBERS:
        for caller in NUMBERS:
            for stage in ("init", "menu", "other"):
                call = Call(did=_read(did), caller=_read(caller), stage=stage)
                ranked = [entry.rule for entry in book.matching(call)]
                if not never.keys() & {rule.name for rule in ranked}:
                    continue
                for at in MOMENTS:
                    winner = next((rule for rule in ranked if rule.holds_at(at)), None)
                    assert winner is None or winner.name not in never


_patterns = st.sampled_from([part for part in [*PARTS, "_12", "_1X2", "_N!", "_X!", "_1X.", "_12!"] if part[0] == "_"])


@given(_patterns, _patterns, st.lists(st.text("0123+a", max_size=4), min_size=20, max_size=40))
def test_a_pattern_that_covers_another_matches_all_that_it_matches(wide: str, narrow: str, texts: list[str]) -> None:
    wider, narrower = parse_pattern(wide), parse_pattern(narrow)
    if pattern_covers(wider, narrower):
        assert [text for text in [*texts, *NUMBERS] if narrower.matches(text) and not wider.matches(text)] == []
    assert pattern_covers(wider, wider)


def test_every_pair_of_patterns_by_brute_force() -> None:
    """Where no number of up to four characters speaks against it, one covers the other; the search sees it so too."""
    texts = ["".join(chars) for chars in _words("012a+", 4)]
    patterns = [parse_pattern(text) for text in ("_X", "_1X", "_1.", "_1!", "_.", "_!", "_X.", "_X!", "_12", "_N!")]
    for wide in patterns:
        for narrow in patterns:
            plainly = all(wide.matches(text) for text in texts if narrow.matches(text))
            assert pattern_covers(wide, narrow) is plainly, (wide.text, narrow.text)


def _words(alphabet: str, most: int) -> list[str]:
    words, longest = [""], [""]
    for _ in range(most):
        longest = [word + char for word in longest for char in alphabet]
        words += longest
    return words


def test_the_work_is_bounded_and_says_what_it_left_out() -> None:
    alike = [_rule(f"r{n}", when=f"{n // 60 % 24:02}:{n % 60:02},mon") for n in range(1440)]
    found = shadows([*alike, _rule("last")], _read)
    assert (found.found, found.left) == ((), 1441 - MAX_FOR_ONE - 1)
    assert shadows([*alike, _rule("last")], _read, most=1_000).left == 1441 - 45
