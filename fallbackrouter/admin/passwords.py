"""Passwords: argon2id, with the library's own parameters, so that they grow with it. Blocking: tens of ms, 64 MiB."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS = 10
MAX_CHARS = 1_000


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return PasswordHasher().hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Tell whether a password is the one that was kept; takes as long where nothing was kept.

    Args:
        kept: None where there is no such user.
    """
    try:
        return PasswordHasher().verify(kept or _nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return hashed("the password of nobody")
