"""What SQLite's errors mean to us, and how they are told to people.

Its rules: a fault of the disk or of another writer passes, and what could not be written is kept; damage does not
pass, and the file is set aside; anything else is the fault of the row itself.
"""

import sqlite3
from pathlib import Path

from fallbackrouter.core.errors import StoreError


class DamagedError(StoreError):
    """The file is no SQLite database or is damaged; it may be set aside (`damage.set_aside`) and made anew."""


_PRIMARY_CODE = 0xFF
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CROWDED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
_UNWRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_OF_THE_ROW = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.NotSupportedError,
)


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE


def is_damage(error: BaseException) -> bool:
    """Tell whether the file itself is no (longer a) database."""
    return _code(error) in _DAMAGE


def is_crowded(error: BaseException) -> bool:
    """Tell whether the connection is fine, and only room or a lock is missing."""
    return _code(error) in _CROWDED


def is_full(error: BaseException) -> bool:
    """Tell whether the disk has no room left."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_locked(error: BaseException) -> bool:
    """Tell whether another connection was at it, so that nothing was done, and soon can be."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_of_the_store(error: BaseException) -> bool:
    """Tell whether the disk, a lock or the file is to blame, so that the same rows may pass later."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_ROW)


def refusal(path: Path, error: BaseException) -> StoreError:
    """Turn an error of SQLite's into one sentence that names the file and the remedy."""
    code = _code(error)
    if code in _DAMAGE:
        return DamagedError(f"{path} is damaged or no SQLite database; move it away, and a new one will be made")
    if code in _UNWRITABLE:
        return StoreError(
            f"{path} cannot be opened or written ({error}); see that its folder exists and belongs to this user"
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"there is no room left on the disk of {path}; make room and try again")
    if code in _CROWDED:
        return StoreError(f"{path} is locked by another program; wait for it or end it, and try again")
    return StoreError(f"{path} cannot be used: {error}")
