"""The numbering plan: the only user of phonenumbers. Which spellings are one telephone number.

Parsing costs some 100 µs, so answers are kept in a bounded cache. Loading a country's plan reads a file:
`Numbering` loads all of them when it is made, never on a call's behalf.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata

from fallbackrouter.core.numbers import Number, ToE164, read_number

CACHE_NUMBERS = 20_000
FORMS = ("raw", "digits", "national", "e164")
REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The regions that have a numbering plan."""


_NO_PREFIX = frozenset("2345679")
"""A national number that begins with one of these has no trunk prefix before it that could be taken away."""


class Numbering:
    """Reads and spells numbers for one region.

    Args:
        region: an ISO country code ("RU"), or "" where digits are compared as they come.

    Raises:
        ValueError: phonenumbers knows no such region.
    """

    def __init__(self, region: str = "") -> None:
        if region and region not in REGIONS:
            raise ValueError(f"there is no numbering plan for region {region!r}")
        self._region = region
        if region:
            PhoneMetadata.load_all()
        self.read = lru_cache(maxsize=CACHE_NUMBERS)(self._read)

    def _read(self, text: str) -> Number:
        """Read a number as it came from outside."""
        return read_number(text, self.to_e164 if self._region else None)

    def to_e164(self, dialled: str) -> str:
        """Return `+` and E.164 digits of what was dialled, "" where it is no whole number.

        What would be read as yet another number, as of one zero after the other each is taken for a prefix, is none.
        """
        parsed = self._parse(dialled)
        if not parsed:
            return ""
        text: str = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        return (
            text if phonenumbers.national_significant_number(parsed)[:1] in _NO_PREFIX or self._is_stable(text) else ""
        )

    def _is_stable(self, text: str) -> bool:
        again = self._parse(text)
        return again is not None and phonenumbers.format_number(again, phonenumbers.PhoneNumberFormat.E164) == text

    def _parse(self, dialled: str) -> phonenumbers.PhoneNumber | None:
        """Return a whole number of a country; seven digits of some city are possible too, and are not one."""
        try:
            parsed = phonenumbers.parse(dialled, self._region or None)
        except phonenumbers.NumberParseException:
            return None
        reason = phonenumbers.is_possible_number_with_reason(parsed)
        return parsed if reason == phonenumbers.ValidationResult.IS_POSSIBLE else None

    def spell(self, number: Number, form: str) -> str:
        """Spell a number for the CRM.

        Args:
            form: raw (as received), digits, national or e164; where the form is not known, the digits.
        """
        if form == "raw" or number.withheld:
            return number.raw
        if form == "e164" and number.e164:
            return number.e164
        if form == "national" and number.e164:
            parsed = self._parse(number.e164)
            if parsed:
                text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
                return "".join(char for char in text if char.isdigit())
        return "".join(char for char in number.dialled if char in "0123456789") or number.raw

    def respellings(self) -> list["Respelling"]:
        """Return how this region's numbers become E.164, for a dialplan; seconds of work, done once for each region.

        Numbers of other countries are told by their country's code and lengths; one with a trunk prefix behind the
        code is left alone. Of this region's, some that no subscriber has may be told otherwise.
        """
        return list(_respellings(self._region)) if self._region else []


@dataclass(frozen=True, slots=True)
class Respelling:
    """Numbers as they are dialled in a region, and what makes E.164 digits of them.

    Attributes:
        patterns: Asterisk patterns of what is dialled.
        drop: so many characters are taken away in front.
        prepend: digits that come in front instead.
    """

    patterns: tuple[str, ...]
    drop: int
    prepend: str


@lru_cache(maxsize=8)
def _respellings(region: str) -> tuple[Respelling, ...]:
    """Return the respellings of a region; they change with the library only."""
    found: dict[tuple[int, str], list[str]] = {}
    own = _plan_of(region)
    home = str(own.country_code)
    groups = _groups(_codes_of(own.international_prefix or ""))
    learner = _Learner(Numbering(region).to_e164, [code for codes in groups for code in codes], home)
    for start in ("", "+" + home):
        for pattern, drop, prepend in learner.learn(start):
            found.setdefault((drop, prepend), []).append(pattern)
    for codes in groups:
        # All codes of a group stand for the same, so one of them is tried.
        for start in (codes[0] + "0", codes[0] + home):
            for pattern, drop, prepend in learner.learn(start):
                rest = pattern.removeprefix("_" + codes[0])
                found.setdefault((drop, prepend), []).append(f"_{_one_of(codes)}{rest}")
    for before, length in (("+", 1), *((_one_of(codes), len(codes[0])) for codes in groups)):
        found.setdefault((length, ""), []).extend(f"_{before}{rest}" for rest in _abroad(home))
    return tuple(Respelling(tuple(sorted(set(texts))), drop, prepend) for (drop, prepend), texts in found.items())


_LENGTHS = range(7, 18)
_DEEPEST = 6
_SAMPLES = 48
_DIGITS = "0123456789"
_LONGEST_CODE = 4


def _codes_of(expression: str) -> list[str]:
    """Return the international prefixes that an expression names, up to a length, none of them within another."""
    known = re.compile(expression or "(?!)")
    found: list[str] = []
    for length in range(1, _LONGEST_CODE + 1):
        for digits in product(_DIGITS, repeat=length):
            code = "".join(digits)
            if known.fullmatch(code) and not code.startswith(tuple(found)):
                found.append(code)
    return found


def _groups(codes: list[str]) -> list[list[str]]:
    """Return codes together that differ in their last digit alone."""
    together: dict[str, list[str]] = {}
    for code in codes:
        together.setdefault(code[:-1], []).append(code)
    return list(together.values())


def _one_of(codes: list[str]) -> str:
    """Return what stands for any of a group's codes in a pattern."""
    if len(codes) == 1:
        return codes[0]
    last = "".join(code[-1] for code in codes)
    return codes[0][:-1] + ("X" if last == _DIGITS else f"[{last}]")


def _plan_of(region: str, code: int = 0) -> Any:
    """Return the numbering plan of a region or, where it is none of the world's, of a code."""
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return PhoneMetadata.metadata_for_nongeo_region(code)
    return PhoneMetadata.metadata_for_region(region)


def _abroad(home: str) -> Iterator[str]:
    """Yield patterns of other countries' whole numbers, by each country's code and lengths."""
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        if str(code) == home:
            continue
        plan = _plan_of(regions[0], code)
        trunk = plan.national_prefix_for_parsing or ""
        first = f"[{'123456789'.replace(trunk[0], '')}{'' if trunk[0] == '0' else '0'}]" if trunk[:1].isdigit() else "X"
        for length in plan.general_desc.possible_length:
            yield f"{code}{first}{'X' * (length - 1)}"


class _Learner:
    """Finds out by trying what a numbering plan makes of what is dialled, length by length and digit by digit.

    Args:
        abroad: the international prefixes, which are told otherwise.
        home: the region's own code; so few numbers that begin like it are whole ones that chance may try none of them.
    """

    def __init__(self, to_e164: ToE164, abroad: list[str], home: str) -> None:
        self.to_e164 = to_e164
        self._home = home
        self._abroad = abroad
        self._random = random.Random(0)  # noqa: S311 - the same numbers are tried every time

    def learn(self, start: str) -> Iterator[tuple[str, int, str]]:
        """Yield pattern, what is dropped, what is prepended, for all numbers that begin so."""
        for length in _LENGTHS:
            if length > len(start):
                yield from self._below(start, length + start.startswith("+"), len(start) + _DEEPEST)

    def _below(self, start: str, length: int, deepest: int) -> Iterator[tuple[str, int, str]]:
        together: dict[tuple[int, str], str] = {}
        for digit in _DIGITS:
            prefix = start + digit
            if prefix in self._abroad:
                continue
            leads = any(code.startswith(prefix) for code in (*self._abroad, self._home))
            seen = set() if leads else self._changes(prefix, length)
            if len(seen) == 1 or (seen and len(prefix) == deepest):
                change = seen.pop() if len(seen) == 1 else None
                if change is not None:
                    together[change] = together.get(change, "") + digit
            else:
                yield from self._below(prefix, length, deepest)
        for (drop, prepend), digits in together.items():
            one_of = digits if len(digits) == 1 else "X" if digits == _DIGITS else f"[{digits}]"
            yield f"_{start}{one_of}{'X' * (length - len(start) - 1)}", drop, prepend

    def _changes(self, prefix: str, length: int) -> set[tuple[int, str] | None]:
        """Return what happens to numbers that begin so; that there is more than one such thing is enough to know."""
        seen: set[tuple[int, str] | None] = set()
        for _ in range(_SAMPLES):
            seen.add(self._change(prefix, length))
            if len(seen) > 1:
                break
        return seen

    def _change(self, prefix: str, length: int) -> tuple[int, str] | None:
        """Return what happens to some number that begins so, None where it is no whole number."""
        dialled = prefix + "".join(self._random.choices(_DIGITS, k=length - len(prefix)))
        whole = self.to_e164(dialled)[1:]
        if not whole:
            return None
        drop = next(drop for drop in range(length + 1) if whole.endswith(dialled[drop:]))
        return drop, whole[: len(whole) - (length - drop)]
