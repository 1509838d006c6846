"""How rules, policies and feeds name the numbers they are for: a number, a pattern, `any`, `withheld`.

Its rules:

- a text that begins with `_` is an Asterisk pattern, every other one is a number or an extension's name;
- a number is compared by its key, so all spellings of it are one;
- a text that would silently never match, or match something else than it looks, is refused with a remedy.
"""

import re

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.errors import PatternError
from fallbackrouter.core.pattern import Pattern, parse_pattern
from fallbackrouter.core.route import printable
from fallbackrouter.core.rule import Condition

MAX_SELECTOR_CHARS = 80

_EXTENSION = re.compile(r"[A-Za-z0-9_+*#.-]{1,80}")
_HALF_A_PATTERN = re.compile(r"(?=.*[0-9])(?=.*[XZN])[0-9XZN]+[.!]?|[0-9]+[.!]|.*\[.*")
_RANGE = re.compile(r"([0-9]{2,5})-([0-9]{2,5})")
_MEANT_ANY = frozenset({"all", "anyone", "anybody", "everyone", "everybody", "every"})
_MEANT_NOTHING = frozenset({"none", "null", "nil", "~", "nobody"})


class SelectorError(ValueError):
    """A text that names no numbers.

    Attributes:
        remedy: what would be right, in plain words.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


class Selector:
    """Collects the numbers that somebody named, text by text.

    Attributes:
        any: `any` was named.
        withheld: `withheld` was named.
        keys: the keys of the numbers named.
        patterns: pattern text -> Pattern, in the order named.
    """

    def __init__(self, read_number: ReadNumber) -> None:
        self._read_number = read_number
        self.any = False
        self.withheld = False
        self.keys: set[str] = set()
        self.patterns: dict[str, Pattern] = {}

    def add(self, text: str) -> None:
        """Take one text: a number, a pattern, `any` or `withheld`.

        Raises:
            SelectorError: it names no numbers.
        """
        word = text.lower()
        if word == "any":
            self.any = True
        elif word == "withheld":
            self.withheld = True
        else:
            self.add_number(text)

    def add_number(self, text: str) -> None:
        """Take one number or pattern.

        Raises:
            SelectorError: it is neither.
        """
        if len(text) > MAX_SELECTOR_CHARS:
            raise SelectorError(f"a number has at most {MAX_SELECTOR_CHARS} characters", "shorten it")
        if text.startswith("_"):
            self.patterns[text] = _pattern(text)
        else:
            self.keys.add(_key(text, self._read_number))

    def condition(self) -> Condition:
        """Return everything named as one condition."""
        return Condition(self.any, frozenset(self.keys), tuple(self.patterns.values()), self.withheld)


def _pattern(text: str) -> Pattern:
    try:
        return parse_pattern(text)
    except PatternError as error:
        reason, _, remedy = str(error).partition("; ")
        raise SelectorError(f'pattern "{printable(text)}": {reason}', remedy or "correct it") from error


def _key(text: str, read_number: ReadNumber) -> str:
    _refuse_lookalikes(text)
    number = read_number(text)
    if number.withheld:
        raise SelectorError(f'"{printable(text)}" names no number', "write withheld for callers without a number")
    if not _EXTENSION.fullmatch(number.dialled):
        raise SelectorError(
            f'"{printable(text)}" is neither a number nor a pattern',
            "write digits, or an Asterisk pattern such as _7499XXXXXXX",
        )
    return number.key


def _refuse_lookalikes(text: str) -> None:
    """Refuse texts that could be read as a number but are hardly meant as one."""
    if text.lower() in _MEANT_ANY:
        raise SelectorError(f'"{printable(text)}" names no number', "write any for every number")
    if text.lower() in _MEANT_NOTHING:
        raise SelectorError(f'"{printable(text)}" names no number', "leave the key out, or write any for every number")
    if _HALF_A_PATTERN.fullmatch(text):
        raise SelectorError(
            f'"{printable(text)}" looks like a pattern', f"begin it with an underscore: _{printable(text)}"
        )
    parts = _RANGE.fullmatch(text)
    if parts and len(parts[1]) == len(parts[2]) and parts[1] < parts[2]:
        raise SelectorError(
            f'"{printable(text)}" looks like a range', "write a pattern such as _1XX, or the number without its dash"
        )
