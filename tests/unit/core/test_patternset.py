"""A set of patterns matches what each of them matches."""

from hypothesis import event, given
from hypothesis import strategies as st

from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.patternset import PatternSet
from tests.fakes.telephony import numbers, pattern_texts


@given(st.lists(pattern_texts(), max_size=12), st.lists(st.one_of(numbers, pattern_texts()), max_size=8))
def test_it_equals_each_pattern_on_its_own(texts: list[str], tried: list[str]) -> None:
    patterns = [parse_pattern(text) for text in texts]
    together = PatternSet(patterns)
    for number in [*tried, *texts]:
        mask = together.matching(number)
        matching = [pattern.matches(number) for pattern in patterns]
        assert [bool(mask >> together.bits[pattern.shape] & 1) for pattern in patterns] == matching
        event(f"of the patterns match: {min(2, sum(matching))}")


def test_spellings_of_one_pattern_share_a_bit() -> None:
    together = PatternSet(parse_pattern(text) for text in ("_[123]X", "_[1-3]X", "_[1-3]-x", "_[1-4]X"))
    assert len(together.bits) == 2
    assert together.matching("15") == 0b11


def test_no_pattern_matches_nothing() -> None:
    assert PatternSet([]).matching("123") == 0
    assert PatternSet([]).matching("") == 0
