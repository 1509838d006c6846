"""Whether a number matches a pattern is what a real Asterisk says."""

import random
from collections import Counter

import pytest

from fallbackrouter.core.errors import PatternError
from fallbackrouter.core.pattern import parse_pattern
from tests.asterisk.harness import Exchange
from tests.asterisk.patterns import CAN_REFUSE, KINDS, Made, Pair, make_pattern, pairs_of, soup, soup_pairs
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

PATTERNS = full_or(300, full=3000)
SEED = 20260301
LEAST_MATCHING = 0.40
LEAST_DECIDED = 0.05
LEAST_REFUSED = 0.01


def _accepted(text: str) -> bool:
    try:
        parse_pattern(text)
    except PatternError:
        return False
    return True


def _all_pairs(rng: random.Random) -> list[Pair]:
    """Return the pairs of PATTERNS accepted patterns, each spelled once, one in ten of them soup."""
    made: dict[str, Made] = {}
    while len(made) < PATTERNS - PATTERNS // 10:
        pattern = make_pattern(rng)
        assert _accepted(pattern.text), f"{pattern.text} is well made and yet refused"
        made[pattern.text] = pattern
    soups: set[str] = set()
    while len(made) + len(soups) < PATTERNS:
        text = soup(rng)
        if text not in made and _accepted(text):
            soups.add(text)
    pairs = [pair for pattern in made.values() for pair in pairs_of(rng, pattern)]
    return pairs + [pair for text in sorted(soups) for pair in soup_pairs(rng, text)]


def _ask(exchange: Exchange, pairs: list[Pair]) -> list[bool]:
    """Ask Asterisk about every pair; each pattern stands in a context of its own."""
    places = {text: place for place, text in enumerate(dict.fromkeys(pair.pattern for pair in pairs))}
    exchange.load("\n".join(f"[p{place}]\nexten => {text},1,NoOp()" for text, place in places.items()))
    asked = [f"DIALPLAN_EXISTS(p{places[pair.pattern]},{pair.number},1)" for pair in pairs]
    said = exchange.ami.read_many(asked)
    assert set(said) == {"0", "1"}
    return [answer == "1" for answer in said]


@pytest.mark.core
def test_a_pattern_matches_what_asterisk_matches(exchange: Exchange, record_figure: Record) -> None:
    pairs = _all_pairs(random.Random(SEED))
    said = _ask(exchange, pairs)
    wrong = [
        f"{pair.pattern} with {pair.number}: Asterisk says {theirs}"
        for pair, theirs in zip(pairs, said, strict=True)
        if parse_pattern(pair.pattern).matches(pair.number) is not theirs
    ]
    assert not wrong, "\n".join(wrong[:20])
    decided: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for pair, theirs in zip(pairs, said, strict=True):
        if pair.intended is theirs:
            decided.update(pair.deciders)
            refused.update(() if theirs else pair.deciders)
    matching = sum(said) / len(pairs)
    record_figure("patterns compared", PATTERNS)
    record_figure("pairs of pattern and number, all judged as Asterisk does", len(pairs))
    record_figure("share of pairs that match", round(matching, 3))
    assert matching >= LEAST_MATCHING
    for kind in KINDS:
        record_figure(f"share of pairs that an element `{kind}` decides", round(decided[kind] / len(pairs), 3))
        assert decided[kind] >= LEAST_DECIDED * len(pairs), f"{kind} decides too little"
    for kind in CAN_REFUSE:
        assert refused[kind] >= LEAST_REFUSED * len(pairs), f"{kind} refuses too little"
