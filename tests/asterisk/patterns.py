"""Random patterns with numbers that are worth asking an Asterisk about.

Numbers thrown at random hardly ever match. So most are made from their pattern: half of them match it, most others miss
it in exactly one place. For those it is known which kinds of element *decide*: turn that one element into its
opposite (all characters where it refused, none where it accepted; for `.` and `!`: nothing may follow), and the
outcome is another. Whether the maker was right is seen by asking Asterisk: only then does the pair count as decided.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

NUMBERS_A_PATTERN = 10
DIALLED = "0123456789"
OTHERS = "*#+abnxzBNXZ"
ALPHABET = DIALLED + OTHERS
KINDS = ("X", "Z", "N", "set", "literal", ".", "!")
CAN_REFUSE = ("X", "Z", "N", "set", "literal", ".")
_ACCEPTED = {"X": DIALLED, "Z": DIALLED[1:], "N": DIALLED[2:]}
_SOUP = "0123456789XZNxzn[]-.!*#+ab"


@dataclass(frozen=True)
class Element:
    """One position of a pattern: how it is written, and the characters that it should accept."""

    kind: str
    text: str
    accepts: str

    @property
    def refuses(self) -> str:
        """The characters that it should refuse."""
        return "".join(char for char in ALPHABET if char not in self.accepts)


@dataclass(frozen=True)
class Pair:
    """A pattern and a number.

    Attributes:
        intended: the outcome that its maker aimed at, None where it aimed at nothing.
        deciders: the kinds of element that decide it, if the outcome is the intended one.
    """

    pattern: str
    number: str
    intended: bool | None = None
    deciders: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Made:
    """A pattern, element by element, with its tail ("", "." or "!")."""

    text: str
    elements: tuple[Element, ...]
    tail: str


def _set(rng: random.Random) -> Element:
    members: list[str] = []
    accepted: set[str] = set()
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.5:
            first, last = sorted(rng.choices(DIALLED, k=2))
            members.append(f"{first}-{last}")
            accepted.update(DIALLED[int(first) : int(last) + 1])
        else:
            members.append(rng.choice(DIALLED + "*#+ab"))
            accepted.add(members[-1])
    return Element("set", f"[{''.join(members)}]", "".join(sorted(accepted)))


def _element(rng: random.Random) -> Element:
    kind = rng.choices(KINDS[:5], weights=(25, 20, 20, 20, 15))[0]
    if kind == "set":
        return _set(rng)
    if kind == "literal":
        char = rng.choice(DIALLED + "*#+abB")
        return Element(kind, char, char)
    return Element(kind, rng.choice((kind, kind, kind.lower())), _ACCEPTED[kind])


def make_pattern(rng: random.Random) -> Made:
    """Return a pattern of one to seven elements, half of them with a tail, some with a dash."""
    elements = tuple(_element(rng) for _ in range(rng.randint(1, 7)))
    tail = rng.choices(("", ".", "!"), weights=(45, 30, 25))[0]
    parts = [element.text for element in elements]
    if rng.random() < 0.1:
        parts.insert(rng.randint(0, len(parts)), "-")
    return Made("_" + "".join(parts) + tail, elements, tail)


def _junk(rng: random.Random, least: int, most: int) -> str:
    return "".join(rng.choices(DIALLED * 3 + OTHERS, k=rng.randint(least, most)))


def _rest(rng: random.Random, tail: str) -> str:
    return {"": "", ".": _junk(rng, 1, 4), "!": _junk(rng, 0, 4)}[tail]


def _match(rng: random.Random, made: Made) -> Pair:
    rest = _rest(rng, made.tail)
    number = "".join(rng.choice(element.accepts) for element in made.elements) + rest
    kinds = {element.kind for element in made.elements} | ({made.tail} if rest else set())
    return Pair(made.text, number, intended=True, deciders=frozenset(kinds))


def _miss(rng: random.Random, made: Made) -> Pair:
    place = rng.randrange(len(made.elements))
    chars = [rng.choice(element.accepts) for element in made.elements]
    chars[place] = rng.choice(made.elements[place].refuses)
    decider = frozenset({made.elements[place].kind})
    return Pair(made.text, "".join(chars) + _rest(rng, made.tail), intended=False, deciders=decider)


def _too_short(rng: random.Random, made: Made) -> Pair:
    """Return a number that ends too early: what is missing decides."""
    number = "".join(rng.choice(element.accepts) for element in made.elements)
    if made.tail == ".":
        return Pair(made.text, number, intended=False, deciders=frozenset({"."}))
    return Pair(made.text, number[:-1], intended=False, deciders=frozenset({made.elements[-1].kind}))


def _too_long(rng: random.Random, made: Made) -> Pair:
    return Pair(made.text, _match(rng, made).number + _junk(rng, 1, 2))


def _dashed(rng: random.Random, pair: Pair) -> Pair:
    """Return the same pair with a dash somewhere in its number: decoration, to Asterisk."""
    place = rng.randint(0, len(pair.number))
    return Pair(pair.pattern, f"{pair.number[:place]}-{pair.number[place:]}", pair.intended, pair.deciders)


def _pair(rng: random.Random, made: Made) -> Pair:
    weights = (52, 28, 8, 6, 1)
    maker = rng.choices((_match, _miss, _too_short, _too_long, None), weights=weights)[0]
    if maker is None:
        return Pair(made.text, rng.choice((made.text, _junk(rng, 1, 9))))
    pair = maker(rng, made)
    return _dashed(rng, pair) if rng.random() < 0.08 else pair


def pairs_of(rng: random.Random, made: Made) -> Iterator[Pair]:
    """Return the numbers to ask about for a pattern; never an empty one."""
    for _ in range(NUMBERS_A_PATTERN):
        pair = _pair(rng, made)
        yield pair if pair.number else Pair(made.text, _junk(rng, 1, 3))


def soup(rng: random.Random) -> str:
    """Return characters of patterns in no order: mostly refused, and a test of what is not."""
    return "_" + "".join(rng.choices(_SOUP, k=rng.randint(1, 8)))


def soup_pairs(rng: random.Random, text: str) -> Iterator[Pair]:
    """Return numbers for such a text: short ones, as it is short itself."""
    for _ in range(NUMBERS_A_PATTERN // 2):
        yield Pair(text, _junk(rng, 1, 6))
