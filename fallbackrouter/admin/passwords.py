"""Passwords: argon2id. Blocking: tens of ms.

The parameters are the least that OWASP's password storage cheat sheet names (19 MiB, 2 passes, 1 lane): telephone
exchanges are small machines, and whoever tries passwords should not be able to take a processor from calls.
"""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS = 10
MAX_CHARS = 1_000
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return _HASHER.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Tell whether a password is the one that was kept; takes as long where nothing was kept.

    Args:
        kept: None where there is no such user.
    """
    try:
        return _HASHER.verify(kept or _nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return hashed("the password of nobody")
