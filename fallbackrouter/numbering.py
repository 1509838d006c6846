"""The numbering plan: the only user of phonenumbers. Which spellings are one telephone number.

Parsing costs some 100 µs, so answers are kept in a bounded cache. Loading a country's plan reads a file:
`Numbering` loads all of them when it is made, never on a call's behalf.
"""

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata

from fallbackrouter.core.numbers import Number, read_number

CACHE_NUMBERS = 20_000
FORMS = ("raw", "digits", "national", "e164")
REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The regions that have a numbering plan."""


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
        return read_number(text, self._to_e164 if self._region else None)

    def _to_e164(self, dialled: str) -> str:
        parsed = self._parse(dialled)
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if parsed else ""

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
