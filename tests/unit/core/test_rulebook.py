"""The rulebook: the winning order, and that bit vectors find what a plain search finds."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import WITHHELD, Number, read_number
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import ANYONE, Condition, Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
ROUTE = Route((("app", "hangup"),))
NEVER_NOW = parse_window("00:00-06:00")
PATTERNS = ["_X", "_XX", "_1X", "_[12]X", "_[1-2]X", "_1.", "_1!", "_.", "_!", "_N.", "_1X-X", "_X.", "_+7X.", "_12!"]
NUMBERS = ["1", "2", "12", "13", "123", "22", "+71", "71", "1-2", "a", "_1X"]


def _number(text: str) -> Number:
    return read_number(text, None)


def _russian(text: str) -> Number:
    """Read a number as if 8 and +7 began one and the same."""
    return read_number(text, lambda dialled: "+7" + dialled[-10:] if len(dialled.lstrip("+")) == 11 else "")


def _of(*texts: str) -> Condition:
    """Return the condition that a rule file's list stands for."""
    return Condition(
        any="any" in texts,
        exact=frozenset(_number(text).key for text in texts if text[0] != "_" and text not in ("any", "withheld")),
        patterns=tuple(parse_pattern(text) for text in texts if text[0] == "_"),
        withheld="withheld" in texts,
    )


def _rule(name: str, did: str = "any", caller: str = "any", **more: object) -> Rule:
    return Rule(name, "fallback", ROUTE, did=_of(*did.split()), caller=_of(*caller.split()), **more)  # type: ignore[arg-type]


def _order(rules: list[Rule], did: str, caller: str = "") -> list[str]:
    call = Call(did=_number(did), caller=_number(caller))
    return [ranked.rule.name for ranked in Rulebook(rules).ranked(call, NOON)]


def test_no_rule_no_winner() -> None:
    assert Rulebook([]).first(Call(did=_number("12")), NOON) is None
    assert Rulebook([]).ranked(Call(did=_number("12")), NOON) == []
    assert len(Rulebook([])) == 0


@pytest.mark.parametrize(
    ("first", "second", "did", "caller"),
    [
        (_rule("a", did="any", priority=1), _rule("b", did="12"), "12", ""),
        (_rule("a", did="12"), _rule("b", did="_12", caller="5"), "12", "5"),
        (_rule("a", did="_12"), _rule("b", did="_1X"), "12", ""),
        (_rule("a", did="_1X"), _rule("b", did="_X2"), "12", ""),
        (_rule("a", did="_[12]X"), _rule("b", did="_N!"), "22", ""),
        (_rule("a", did="_7XX"), _rule("b", did="_7X."), "712", ""),
        (_rule("a", did="_2X"), _rule("b", did="_2X!"), "21", ""),
        (_rule("a", did="_2."), _rule("b", did="_2!"), "21", ""),
        (_rule("a", did="_!"), _rule("b", did="any"), "21", ""),
        (_rule("a", did="12", caller="5"), _rule("b", did="12", caller="_X"), "12", "5"),
        (_rule("a", did="12", caller="_X"), _rule("b", did="12", caller="any"), "12", "5"),
        (_rule("a", did="12", caller="withheld"), _rule("b", did="12", caller="any"), "12", ""),
        (_rule("a", did="_1X 12"), _rule("b", did="_12"), "12", ""),
        (_rule("a", did="12 any", caller="_X"), _rule("b", did="12", caller="any"), "12", "5"),
    ],
)
def test_the_winner_does_not_depend_on_the_order_given(first: Rule, second: Rule, did: str, caller: str) -> None:
    assert _order([first, second], did, caller) == ["a", "b"]
    assert _order([second, first], did, caller) == ["a", "b"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"did": "12"}, {"did": "12 13"}),
        ({"did": "_[12]X"}, {"did": "_[1-2]x"}),
        ({"did": "_[12]X"}, {"did": "_[13]X"}),
        ({"did": "any"}, {"did": "any"}),
        ({"did": "any"}, {"did": "any 13"}),
    ],
)
def test_between_equals_the_one_given_first_wins(one: dict[str, str], other: dict[str, str]) -> None:
    assert _order([_rule("a", **one), _rule("b", **other)], "12") == ["a", "b"]
    assert _order([_rule("b", **other), _rule("a", **one)], "12") == ["b", "a"]


def test_a_number_and_withheld_are_equally_specific() -> None:
    both, withheld = _rule("a", caller="5 withheld"), _rule("b", caller="withheld")
    assert _order([both, withheld], "12", "") == ["a", "b"]
    assert _order([withheld, both], "12", "") == ["b", "a"]


def test_a_withheld_caller_is_no_number() -> None:
    rules = [_rule("number", caller="5"), _rule("pattern", caller="_!"), _rule("any")]
    assert _order(rules, "12", "anonymous") == ["any"]


def test_a_rule_that_can_never_hold_is_no_obstacle() -> None:
    rules = [Rule("never", "fallback", ROUTE, did=Condition()), _rule("any")]
    assert _order(rules, "12") == ["any"]
    assert len(Rulebook(rules)) == 2


def test_stages_part_the_rules() -> None:
    book = Rulebook([_rule("init", stages=frozenset({"init", "menu"})), _rule("all", did="_X.")])
    assert book.stages == {"init", "menu"}
    for stage, winner in (("init", ["all", "init"]), ("menu", ["all", "init"]), ("other", ["all"])):
        ranked = book.ranked(Call(did=_number("12"), stage=stage), NOON)
        assert [rank.rule.name for rank in ranked] == winner


def test_each_spelling_of_a_number_is_tried() -> None:
    call = Call(did=_russian("89507533333"), caller=_russian("+79507533334"))
    for did in ("_8950X.", "_7950X.", "_+7950X.", "79507533333"):
        for caller in ("_+7X.", "_7X.", "79507533334"):
            assert Rulebook([_rule("a", did, caller)]).first(call, NOON), (did, caller)
    assert Rulebook([_rule("a", "_8950X.", "_8X.")]).first(call, NOON) is None


def test_out_of_its_hours_a_rule_leaves_the_call_to_the_next() -> None:
    night = _rule("night", did="12", windows=(NEVER_NOW,))
    day = _rule("day", did="_1X", windows=(parse_window("09:00-18:00"),))
    book = Rulebook([day, night])
    call = Call(did=_number("12"))
    winners = [rule.name for hour in (3, 12, 22) if (rule := book.first(call, NOON.replace(hour=hour)))]
    assert winners == ["night", "day"]


def test_explain_says_why_each_rule_loses() -> None:
    yesterday, tomorrow = NOON - timedelta(days=1), NOON + timedelta(days=1)
    rules = [
        _rule("wins", did="12", caller="5", priority=2),
        _rule("asleep", priority=9, windows=(NEVER_NOW,)),
        _rule("over", priority=8, valid_until=yesterday),
        _rule("to come", priority=7, valid_from=tomorrow),
        _rule("twin", did="12", caller="5", priority=2),
        _rule("caller pattern", did="12", caller="_X", priority=2),
        _rule("did pattern", did="_1X", priority=2),
        _rule("did any", priority=2),
        _rule("low", did="12", caller="5"),
        _rule("other did", did="13"),
        _rule("low and asleep", windows=(NEVER_NOW,)),
    ]
    ranked = Rulebook(rules).ranked(Call(did=_number("12"), caller=_number("5")), NOON)
    assert [(rank.rule.name, rank.in_force, rank.why) for rank in ranked] == [
        ("asleep", False, "not in its window"),
        ("over", False, "no longer valid"),
        ("to come", False, "not valid yet"),
        ("wins", True, "wins"),
        ("twin", True, "as specific; the one given first wins"),
        ("caller pattern", True, "caller: a number beats a pattern"),
        ("did pattern", True, "did: a number beats a pattern"),
        ("did any", True, "did: a number beats any"),
        ("low", True, "higher priority wins (2 against 0)"),
        ("low and asleep", False, "not in its window"),
    ]


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        ("_1XX", "_XXX", "did: the pattern that accepts fewer digits at place 1 wins"),
        ("_1ZX", "_1X.", "did: the pattern that accepts fewer digits at place 2 wins"),
        ("_1XX", "_1X.", "did: the pattern with the longer fixed part wins"),
        ("_1XX!", "_1.", "did: the pattern with the longer fixed part wins"),
        ("_1XX", "_1XX!", "did: a pattern that ends beats `.`, and both beat `!`"),
        ("_1X.", "_1X!", "did: a pattern that ends beats `.`, and both beat `!`"),
        ("_1X.", "any", "did: a pattern beats any"),
    ],
)
def test_explain_says_why_one_pattern_beats_another(winner: str, loser: str, why: str) -> None:
    ranked = Rulebook([_rule("b", did=loser), _rule("a", did=winner)]).ranked(Call(did=_number("112")), NOON)
    assert [(rank.rule.name, rank.why) for rank in ranked] == [("a", "wins"), ("b", why)]


def test_a_rule_that_matches_twice_is_told_once_in_its_best_place() -> None:
    rules = [_rule("list", did="any 12 _1X"), _rule("number", did="12"), _rule("pattern", did="_1X")]
    ranked = Rulebook(rules).ranked(Call(did=_number("12")), NOON)
    assert [(rank.rule.name, rank.why) for rank in ranked] == [
        ("list", "wins"),
        ("number", "as specific; the one given first wins"),
        ("pattern", "did: a number beats a pattern"),
    ]


def _single(condition: Condition) -> Iterator[tuple[tuple[int, ...], Condition]]:
    """Take a condition apart into its single numbers, patterns and any, each with its place in the order."""
    if condition.any:
        yield (2,), ANYONE
    if condition.withheld:
        yield (0,), Condition(withheld=True)
    for key in condition.exact:
        yield (0,), Condition(exact=frozenset({key}))
    for pattern in condition.patterns:
        yield (1, *pattern.specificity), Condition(patterns=(pattern,))


def _plainly_ranked(rules: list[Rule], call: Call) -> list[Rule]:
    """Sort everything, then keep what matches."""
    places = [
        (-rule.priority, did, caller, place)
        for place, rule in enumerate(rules)
        if not rule.stages or call.stage in rule.stages
        for did, did_condition in _single(rule.did)
        if did_condition.matches(call.did)
        for caller, caller_condition in _single(rule.caller)
        if caller_condition.matches(call.caller)
    ]
    return [rules[place] for place in dict.fromkeys(place for *_, place in sorted(places))]


def _agree(book: Rulebook, rules: list[Rule], call: Call) -> Rule | None:
    plain = _plainly_ranked(rules, call)
    winner = next((rule for rule in plain if rule.holds_at(NOON)), None)
    ranked = book.ranked(call, NOON)
    assert book.first(call, NOON) is winner
    assert [rank.rule.name for rank in ranked] == [rule.name for rule in plain]
    assert [rank.in_force for rank in ranked] == [rule.holds_at(NOON) for rule in plain]
    assert [rank.rule for rank in ranked if rank.why == "wins"] == ([winner] if winner else [])
    return winner


_conditions = st.one_of(
    st.just(ANYONE),
    st.lists(st.sampled_from([*NUMBERS, *PATTERNS, "withheld", "any"]), max_size=8).map(lambda texts: _of(*texts)),
)


@st.composite
def _rules(draw: st.DrawFn) -> list[Rule]:
    return [
        Rule(
            f"r{place}",
            "fallback",
            ROUTE,
            did=draw(_conditions),
            caller=draw(_conditions),
            stages=frozenset(draw(st.sets(st.sampled_from(["init", "menu"])))),
            windows=draw(st.sampled_from([(), (), (NEVER_NOW,)])),
            priority=draw(st.sampled_from([0, 0, 0, 1, -1])),
        )
        for place in range(draw(st.integers(0, 8)))
    ]


@given(_rules(), st.data())
def test_it_equals_a_plain_search(rules: list[Rule], data: st.DataObject) -> None:
    book = Rulebook(rules)
    texts = st.sampled_from([*NUMBERS, "8", "unknown"])
    for _ in range(4):
        did, caller = _number(data.draw(texts)), _number(data.draw(texts))
        call = Call(did=did, caller=caller, stage=data.draw(st.sampled_from(["init", "menu", "other"])))
        event(f"a winner: {_agree(book, rules, call) is not None}")
        assert book.asks_who_calls(did) == any(rule.did.matches(did) and _names(rule.caller) for rule in rules)
        assert book.asks_who_calls(did) or book.first(replace(call, caller=WITHHELD), NOON) is book.first(call, NOON)


def _names(condition: Condition) -> bool:
    return bool(condition.exact or condition.patterns or condition.withheld)


def _many_rules(count: int, rng: random.Random) -> list[Rule]:
    def condition(begin: str) -> Condition:
        number = begin + f"{rng.randrange(10**6):06}"
        pattern = "_" + number[: rng.randint(3, 8)] + rng.choice(["X.", "!", "XX", "."])
        wild = "_" + "".join(digit if rng.random() < 0.5 else "X" for digit in number)
        return _of(*rng.choice([[number], [pattern], [pattern, wild, number], [pattern, number, "withheld"]]))

    return [
        Rule(
            f"r{place}",
            "fallback",
            ROUTE,
            did=condition("7499"),
            caller=ANYONE if rng.random() < 0.7 else condition("79"),
            windows=rng.choice([(), (), (NEVER_NOW,)]),
            priority=rng.choice([0, 0, 1]),
        )
        for place in range(count)
    ]


def test_ten_thousand_rules_still_equal_a_plain_search() -> None:
    rng = random.Random(7)
    rules = _many_rules(10_000, rng)
    book = Rulebook(rules)
    assert len(book) == 10_000
    winners = set()
    for _ in range(12):
        did, caller = f"7499{rng.randrange(10**6):06}", rng.choice(["", f"79{rng.randrange(10**6):06}"])
        winner = _agree(book, rules, Call(did=_number(did), caller=_number(caller)))
        winners.add(winner and winner.name)
    assert len(winners - {None}) > 5


def test_long_lists_of_numbers_share_what_they_say() -> None:
    many = [str(74950000000 + number) for number in range(100_000)]
    dids = " ".join("_" + "X" * length for length in range(1, 9))
    rules = [_rule("list", did=dids, caller=" ".join(many)), *(_rule(f"r{i}", did=str(i)) for i in range(100))]
    book = Rulebook(rules)
    assert len(book._callers._exact) == 100_000
    assert len({id(bits) for bits in book._callers._exact.values()}) == 1
    for caller, winner in ((many[0], "list"), (many[-1], "list"), ("1", None)):
        first = book.first(Call(did=_number("777"), caller=_number(caller)), NOON)
        assert (first and first.name) == winner
    assert book.first(Call(did=_number("7"), caller=WITHHELD), NOON) is rules[8]


def test_lists_of_patterns_do_not_multiply() -> None:
    prefixes = " ".join(f"_749{number}X." for number in range(100, 400))
    book = Rulebook([_rule("a", did=prefixes, caller=prefixes)])
    assert len(book._entries) == 1
    assert book.first(Call(did=_number("749399123"), caller=_number("749100123")), NOON)
    assert book.first(Call(did=_number("749399123"), caller=_number("749400123")), NOON) is None
