"""Takes telephone numbers out of what is kept long after the call: hidden in part, or replaced by a pseudonym.

Personal are the caller, and any number that stands in a channel's name, a route, a trail or an event's details. The
dialled number is the company's own and stays, but of a call that the CRM had made, where each number is hidden; and so
does whatever has less than seven digits: extensions, groups.
Its rules: doing it twice changes nothing; the same number has the same pseudonym in every row, so that rows can still
be counted by caller; without the secret nobody can try numbers until one fits.

Source: docs/journal.md, "Numbers of callers".
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.rows import json_text

MASK, HASH = "mask", "hash"
SHOWN_DIGITS = 4
"""How many leading digits a masked number keeps: country and network, not the subscriber."""
MIN_DIGITS = 7
SECRET_FILE = "journal.secret"  # noqa: S105 - a file's name
_SECRET_BYTES = 32
_NUMBER = re.compile(r"\+?\d(?:[ ()-]{0,2}\d){6,}")
_OWN_DIGITS = 9
"""So many last digits in common make two spellings one number."""
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")

Hide = Callable[[str], str]
"""A number's digits -> what stands in its place."""


def masked(digits: str) -> str:
    """Return a number with all but its first digits hidden."""
    return digits[:SHOWN_DIGITS] + "*" * (len(digits) - SHOWN_DIGITS)


def pseudonym(secret: bytes) -> Hide:
    """Return what gives each number a name of its own, without a digit in it, that only the secret leads to."""

    def name(digits: str) -> str:
        return "h:" + hmac.digest(secret, digits.encode(), "sha256").hex()[:16].translate(_LETTERS)

    return name


class Veil:
    """Hides the numbers of one row.

    Args:
        hide: `masked`, or a `pseudonym`.
        did: the dialled number as received; it stays.
        caller_key: the caller in the form in which two spellings are one.
    """

    def __init__(self, hide: Hide, did: str, caller_key: str) -> None:
        self._hide = hide
        self._did = _digits(did)
        self._caller = _digits(caller_key)

    def caller(self, text: str) -> str:
        """Return what stands in the place of the caller, as received or as compared."""
        return self._hide(self._caller or _digits(text)) if is_number(text) else self.text(text)

    def text(self, text: str) -> str:
        """Return a text without the numbers in it."""
        return _NUMBER.sub(self._replaced, text)

    def channel(self, name: str) -> str:
        """Return a channel's name without the numbers in it; the count at its end is none."""
        head, dash, count = name.rpartition("-")
        return self.text(head) + dash + count

    def json(self, text: str) -> str:
        """Return a JSON text with its texts treated so; one that cannot be read is treated as a text."""
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return self.text(text)
        return json_text(self._value(value))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self._value(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._value(part) for part in value]
        return value

    def _replaced(self, found: re.Match[str]) -> str:
        digits = _digits(found.group())
        if self._did and digits[-_OWN_DIGITS:] == self._did[-_OWN_DIGITS:]:
            return found.group()
        own = self._caller and digits[-_OWN_DIGITS:] == self._caller[-_OWN_DIGITS:]
        return self._hide(self._caller if own else digits)


def without_numbers(text: str) -> str:
    """Return a text with the numbers in it masked."""
    return Veil(masked, "", "").text(text)


def is_number(text: str) -> bool:
    """Tell whether a number is long enough to be somebody's."""
    return len(_digits(text)) >= MIN_DIGITS


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")


def read_secret(folder: Path) -> bytes | None:
    """Return the secret of the pseudonyms, None where there is none (yet, or for this user)."""
    with suppress(OSError):
        return (folder / SECRET_FILE).read_bytes()
    return None


def make_secret(folder: Path) -> bytes:
    """Return the secret of the pseudonyms; made where it is missing, for its owner's eyes alone.

    Raises:
        StoreError: it can be neither read nor made.
    """
    path = folder / SECRET_FILE
    try:
        if not path.exists():
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor that was opened with its mode
                file.write(secrets.token_bytes(_SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read or made ({error.strerror}); see that its folder is writable") from None


def hiding(mode: str, folder: Path) -> Hide:
    """Return how numbers are hidden.

    Raises:
        StoreError: the secret can be neither read nor made.
    """
    return pseudonym(make_secret(folder)) if mode == HASH else masked
