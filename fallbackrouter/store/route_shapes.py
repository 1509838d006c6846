"""How routes are found by number: each condition has a text that the number itself leads to.

A condition on a number is `any`, `withheld`, an exact number, or a pattern. Most patterns are a fixed part, then any
digits, then a tail (`_7495.`, `_7495XXXXXXX`); of such a shape, a number can match one pattern only, whose text is made
from the number. So a call's number has one text for each shape that occurs, and the routes are looked up by these
texts (tuple space search, as packet classifiers do it): the cost grows with the shapes, not with the routes. Patterns
of other kinds have no text; they are few, and are tried one and all (core.rulebook).

The texts of the kinds cannot be mistaken for each other whatever a hostile number spells: each begins with a sign of
its own, and a pattern's fixed part holds digits, `+`, `*` and `#` alone.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from fallbackrouter.core.numbers import Number
from fallbackrouter.core.order import ANY, NUMBER, Rank, entries
from fallbackrouter.core.pattern import Shape as Meaning
from fallbackrouter.core.pattern import parse_pattern, shape_of, without_dashes
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import ANYONE, Condition, Rule

WITHHELD = "withheld"
"""How a row spells callers without a number."""

_SEPARATOR = "\t"
_FIXED = frozenset("0123456789+*#")
_DIGITS = frozenset("0123456789")


class Shape(NamedTuple):
    """What conditions that are looked up alike have in common.

    Attributes:
        kind: any, withheld, number or pattern.
        fixed: the length of a pattern's fixed part.
        digits: how many arbitrary digits follow it.
        tail: "", "." or "!".
    """

    kind: str
    fixed: int = 0
    digits: int = 0
    tail: str = ""


class Placed(NamedTuple):
    """A condition's text, and the shape of the numbers that lead to it; None: no number does."""

    text: str
    shape: Shape | None


def placed(named: str) -> Placed:
    """Return the place of a condition.

    Args:
        named: "" for any, `withheld`, a number's key, or a pattern.

    Raises:
        PatternError: it begins as a pattern and is none.
        ValueError: it is no number's key.
    """
    if not named:
        return Placed("", Shape("any"))
    if named == WITHHELD:
        return Placed("-", Shape("withheld"))
    if named.startswith("_"):
        return _of_meaning(parse_pattern(named).shape) or Placed(named, None)
    if _SEPARATOR in named:
        raise ValueError("a number holds no tabulator")
    return Placed(f"={named}", Shape("number"))


def _of_meaning(meaning: Meaning) -> Placed | None:
    """Return the place of a pattern of this meaning, None where no number leads to it."""
    positions, tail = meaning
    digits = 0
    while digits < len(positions) and positions[-1 - digits] == _DIGITS:
        digits += 1
    fixed = positions[: len(positions) - digits]
    if any(len(accepted) != 1 or not accepted <= _FIXED for accepted in fixed):
        return None
    text = "".join(char for accepted in fixed for char in accepted)
    return Placed(f"_{text}{'X' * digits}{tail}", Shape("pattern", len(fixed), digits, tail))


def texts(number: Number, shape: Shape) -> tuple[str, ...]:
    """Return the texts under which routes of a shape are found for a number; no more than it has spellings."""
    if shape.kind == "any":
        return ("",)
    if number.withheld:
        return ("-",) if shape.kind == "withheld" else ()
    if shape.kind == "number":
        return (f"={number.key}",)
    if shape.kind == "withheld":
        return ()
    found = [text for text in (_text(spelling, shape) for spelling in number.spellings) if text]
    return tuple(dict.fromkeys(found))


def _text(spelling: str, shape: Shape) -> str:
    """Return the text of the one pattern of a shape that matches a spelling, "" where none can."""
    return _spelled(spelling, shape) or _led_to(without_dashes(spelling), shape)


def _spelled(spelling: str, shape: Shape) -> str:
    """Return the pattern that a number spells; Asterisk takes `_7495.`, dialled, as a match of that pattern."""
    meaning = shape_of(spelling) if spelling.startswith("_") else None
    place = None if meaning is None else _of_meaning(meaning)
    return place.text if place is not None and place.shape == shape else ""


def _led_to(bare: str, shape: Shape) -> str:
    ends = shape.fixed + shape.digits
    left = len(bare) - ends
    if left < 0 or (left > 0 and not shape.tail) or (left == 0 and shape.tail == "."):
        return ""
    fixed = bare[: shape.fixed]
    if not (_FIXED.issuperset(fixed) and _DIGITS.issuperset(bare[shape.fixed : ends])):
        return ""
    return f"_{fixed}{'X' * shape.digits}{shape.tail}"


def key(did: str, caller: str) -> str:
    """Return the texts of did and caller as one, as routes are found by."""
    return f"{did}{_SEPARATOR}{caller}"


class Keys:
    """The keys under which routes of a table lie, for any call.

    Args:
        pairs: the shapes of did and caller that occur together.
    """

    def __init__(self, pairs: Iterable[tuple[Shape, Shape]]) -> None:
        pairs = list(pairs)
        self._dids = list(dict.fromkeys(did for did, _ in pairs))
        self._callers = list(dict.fromkeys(caller for _, caller in pairs))
        self._pairs = [(self._dids.index(did), self._callers.index(caller)) for did, caller in pairs]

    def of(self, did: Number, caller: Number) -> list[str]:
        """Return every key under which routes for this did and caller may lie."""
        dids = [texts(did, shape) for shape in self._dids]
        callers = [texts(caller, shape) for shape in self._callers]
        return [key(one, other) for at, place in self._pairs for one in dids[at] for other in callers[place]]


def parts(text: str) -> tuple[str, str]:
    """Return the texts of did and caller that a key is made of."""
    did, _, caller = text.partition(_SEPARATOR)
    return did, caller


def condition(text: str) -> Condition:
    """Return the condition that a text stands for."""
    if text.startswith("="):
        return Condition(exact=frozenset({text[1:]}))
    return _condition(text)


@lru_cache(maxsize=4096)
def _condition(text: str) -> Condition:
    if not text:
        return ANYONE
    return Condition(withheld=True) if text == "-" else Condition(patterns=(parse_pattern(text),))


def rank(text: str) -> Rank:
    """Return how specific the condition of a text is; the smaller comes first."""
    if not text:
        return ANY
    return _pattern_rank(text) if text.startswith("_") else NUMBER


@lru_cache(maxsize=4096)
def _pattern_rank(text: str) -> Rank:
    return next(entries(Rule("", "", Route(()), did=condition(text)), 0)).did.rank
