"""What a telephone number is to us: as received, as dialled, and the form in which two spellings are one.

The numbering plan itself is loaded elsewhere (fallbackrouter.numbering) and handed in as a function.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_NUMBER_CHARS = 256
"""Longer numbers are cut here: no telephone has one, and each is kept in the journal."""

_WITHHELD = frozenset({"", "unknown", "<unknown>", "anonymous", "private"})
_FORMATTING = re.compile(r"[\s()./\u00a0\u2007-\u202f-]+")
_DIALLABLE = re.compile(r"\+?[0-9*#]+")
_E164_CANDIDATE = re.compile(r"\+?[0-9]{7,17}")

ToE164 = Callable[[str], str]
"""Digits with an optional leading plus -> `+` and E.164 digits, or "" when the number is not a possible one."""


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number.

    Attributes:
        raw: as received, cut at MAX_NUMBER_CHARS.
        dialled: raw without blanks, brackets, dashes and dots where it is a number at all.
        key: what is compared: E.164 digits without the plus where the region tells them,
            else `dialled` without its plus. Empty when withheld.
        e164: with its plus, or "" where it is not known.
        withheld: the peer gave no number.
    """

    raw: str
    dialled: str
    key: str
    e164: str = ""
    withheld: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """The texts that a pattern is tried on: as dialled and, where known, E.164 without and with plus."""
        if self.withheld:
            return ()
        if self.e164:
            return tuple(dict.fromkeys((self.dialled, self.key, self.e164)))
        return (self.dialled,)


WITHHELD = Number(raw="", dialled="", key="", withheld=True)


def dialled_form(text: str) -> str:
    """Return the number without its formatting; a text that is no number stays as it is, stripped."""
    bare = _FORMATTING.sub("", text)
    return bare if _DIALLABLE.fullmatch(bare) else text.strip()


def read_number(text: str, to_e164: ToE164 | None) -> Number:
    """Read a number as it came from outside.

    Args:
        text: hostile; anything is accepted.
        to_e164: the region's numbering plan, or None where digits are compared as they come.
    """
    raw = text[:MAX_NUMBER_CHARS]
    if raw.strip().lower() in _WITHHELD:
        return Number(raw=raw, dialled="", key="", withheld=True)
    dialled = dialled_form(raw)
    e164 = to_e164(dialled) if to_e164 and _E164_CANDIDATE.fullmatch(dialled) else ""
    key = (e164 or dialled).removeprefix("+") or dialled
    return Number(raw=raw, dialled=dialled, key=key, e164=e164)
