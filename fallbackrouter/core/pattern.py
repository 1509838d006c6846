"""Asterisk's extension patterns: what they match, and which of two is the more specific.

They are read as Asterisk's default matcher reads them (main/pbx.c, `_extension_match_core`; the same in 16 and 22):

- after `_`, in either case, X is 0-9, Z is 1-9 and N is 2-9; `[...]` is a set with ranges; `.` stands for one or more
  remaining characters, `!` for none or more; every other character stands for itself, letters in their own case;
- a dash outside a set is decoration, in the pattern and in the number alike;
- a number that itself begins with `_` also matches the pattern that it spells.

What Asterisk reads otherwise than it looks is refused, so that what is accepted here means the same there.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from fallbackrouter.core.errors import PatternError

MAX_PATTERN_CHARS = 80
"""Asterisk's own bound for an extension (AST_MAX_EXTENSION)."""

END = 1000
"""Stands in a specificity where the fixed part ends: more than any set holds, so the longer fixed part comes first."""

Shape = tuple[tuple[frozenset[str], ...], str]
"""What a pattern means: the set of each position, and the tail. Two spellings of one pattern have one shape."""

_DIGITS = "0123456789"
_CLASSES = {
    letter: frozenset(_DIGITS[first:])
    for upper, first in (("X", 0), ("Z", 1), ("N", 2))
    for letter in (upper, upper.lower())
}
_TAILS = ("", ".", "!")
_TOKEN = re.compile(r"\[([^]]*)\]|(.)", re.DOTALL)
_SET_MEMBER = re.compile(r"(.)-(.)|(.)", re.DOTALL)
_FIXED = re.compile(r"[0-9A-Za-z*#+_@:=%-]*")
_RANGE_KINDS = (re.compile("[0-9]{2}"), re.compile("[a-z]{2}"), re.compile("[A-Z]{2}"))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of Asterisk's, such as `_7499XXXXXXX`; made by `parse_pattern`.

    Attributes:
        text: as it was written, with its `_`.
        positions: the characters that each position of the fixed part accepts.
        tail: "" where the number ends with the fixed part, "." (one or more follow) or "!" (none or more).
    """

    text: str
    positions: tuple[frozenset[str], ...] = field(repr=False, compare=False)
    tail: str = field(repr=False, compare=False)

    @property
    def shape(self) -> Shape:
        """What the pattern means, whatever its spelling."""
        return (self.positions, self.tail)

    @property
    def specificity(self) -> tuple[int, ...]:
        """The key to sort by, the more specific first.

        Position by position the smaller set, then the longer fixed part, then an end before `.` before `!`.
        """
        return (*map(len, self.positions), END, _TAILS.index(self.tail))

    def matches(self, number: str) -> bool:
        """Tell whether Asterisk would match this number."""
        if number.startswith("_") and shape_of(number) == self.shape:
            return True
        bare = without_dashes(number)
        left = len(bare) - len(self.positions)
        if left < 0 or (left > 0 and not self.tail) or (left == 0 and self.tail == "."):
            return False
        return all(map(frozenset.__contains__, self.positions, bare))


def without_dashes(number: str) -> str:
    """Return a number as patterns see it: Asterisk skips dashes wherever they stand."""
    return number.replace("-", "")


@lru_cache(maxsize=128)
def shape_of(text: str) -> Shape | None:
    """Read a text that begins with `_` as Asterisk would, traps and all.

    Hostile numbers come here too, and each is compared with many patterns: hence the cache.

    Returns:
        None where it says what no accepted pattern says: a bracket that never closes, text after a tail, letters
        beyond ASCII.
    """
    if not text.isascii():
        return None
    positions: list[frozenset[str]] = []
    tail = ""
    for token in _TOKEN.finditer(_undecorated(text[1:])):
        members, char = token.groups()
        accepted = _set(members) if members is not None else _CLASSES.get(char, frozenset(char))
        if tail or char == "[":
            return None
        if char in (".", "!"):
            tail = char
        elif accepted:
            positions.append(accepted)
    return (tuple(positions), tail)


def _undecorated(body: str) -> str:
    """Return a pattern's body without its decoration; in a set a dash makes a range."""
    return _TOKEN.sub(lambda token: "" if token[0] == "-" else token[0], body)


def _set(members: str) -> frozenset[str]:
    accepted: set[str] = set()
    lowest = members
    for first, last, single in (member.groups() for member in _SET_MEMBER.finditer(members)):
        accepted.update(single or map(chr, range(ord(first), ord(last) + 1)))
        lowest = min(lowest, single or first)
    if accepted and lowest < min(accepted):
        accepted.add("")  # Asterisk tells a set with a range that runs backwards from the same set without it
    return frozenset(accepted)


def parse_pattern(text: str) -> Pattern:
    """Read a pattern.

    Args:
        text: begins with `_`; all else is a number and no pattern.

    Raises:
        PatternError: Asterisk would refuse it, or read it otherwise than it looks. The text is "reason; remedy".
    """
    _check_length(text)
    _check_characters(text[1:])
    _check_tail(text[1:])
    shape = shape_of(text)
    if shape is None or shape == ((), ""):
        raise PatternError("there is nothing after the underscore; write the digits, or `_.` for every number")
    return Pattern(text, *shape)


def _check_length(text: str) -> None:
    if not text.startswith("_"):
        raise PatternError("a pattern begins with an underscore; write `_` before it")
    if len(text) > MAX_PATTERN_CHARS:
        raise PatternError(f"a pattern has at most {MAX_PATTERN_CHARS} characters; split it or end it with `.`")


def _check_characters(body: str) -> None:
    if any(char.isspace() for char in body):
        raise PatternError("a pattern holds no blanks; take them out")
    if "/" in body:
        raise PatternError("`/` begins a caller's number in Asterisk; write that number under `caller`")
    fixed = _TOKEN.sub(_checked_set, body)
    if "[" in fixed or "]" in fixed:
        raise PatternError("a square bracket has no partner; write sets as `[1-5]`")
    strange = _FIXED.sub("", fixed.replace(".", "").replace("!", ""))
    if strange:
        raise PatternError(
            f"no dialled number holds {strange[0]!r}; use digits, letters, `*`, `#`, `+`, X, Z, N, sets, `.` and `!`"
        )


def _checked_set(token: re.Match[str]) -> str:
    """Check a set and take it away, so that what is left can be looked at; other characters stay."""
    members = token[1]
    if members is None:
        return token[0]
    if not members:
        raise PatternError("Asterisk ignores an empty set; write what it may hold, or take `[]` out")
    for first, last, single in (member.groups() for member in _SET_MEMBER.finditer(members)):
        if single:
            _check_single(single)
        else:
            _check_range(first, last)
    return ""


def _check_single(char: str) -> None:
    if char in _CLASSES:
        raise PatternError(f"`{char}` inside [] is the letter itself; write `0-9`, `1-9` or `2-9` for X, Z or N")
    if char == "-":
        raise PatternError("a dash inside [] stands only between the ends of a range; write `[1-35]` or `[135]`")
    if not _FIXED.fullmatch(char):
        raise PatternError(f"{char!r} has no place inside []; write digits, letters, `*`, `#` or `+`")


def _check_range(first: str, last: str) -> None:
    if not any(kind.fullmatch(first + last) for kind in _RANGE_KINDS):
        raise PatternError(f"`{first}-{last}` is no range; write both ends as digits or as letters of one case")
    if first > last:
        raise PatternError(f"the range `{first}-{last}` runs backwards and holds nothing; write `{last}-{first}`")


def _check_tail(body: str) -> None:
    outside = _TOKEN.sub(lambda token: "0" if token[1] is not None else token[0], body)
    if any(tail in outside[:-1] for tail in ".!"):
        raise PatternError("`.` and `!` take all that follows, what stands behind is never read; end the pattern there")
