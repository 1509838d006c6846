"""The installed dialplan: written at one stroke, and never over what somebody else wrote.

The file's heading names the digest of what stands below it. So a file that was edited by hand, or that is none of ours,
is told apart, and left alone.
"""

import os
import tempfile
from contextlib import suppress
from enum import Enum
from pathlib import Path

from fallbackrouter.core.errors import DialplanError
from fallbackrouter.dialplan.compose import digest_in, is_untouched

MAX_FILE_BYTES = 64_000_000
_NEW_MODE = 0o644
"""Asterisk is another user, and has to read it."""


class Found(Enum):
    """What lies where the dialplan belongs."""

    MISSING = "it is not there"
    FOREIGN = "it was not made by fallbackrouter"
    EDITED = "it was edited by hand"
    OTHER = "it holds other rules or settings than those that serve"
    SAME = "it is what it should be"


def look(path: Path, text: str) -> Found:
    """Compare what lies there with the dialplan as it should be. Blocking.

    Raises:
        DialplanError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            there = file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return Found.MISSING
    except OSError as error:
        raise DialplanError(f"{path} cannot be read ({_reason(error)}); see who may read it") from None
    if not digest_in(there):
        return Found.FOREIGN if there.strip() else Found.MISSING
    if not is_untouched(there):
        return Found.EDITED
    return Found.SAME if digest_in(there) == digest_in(text) else Found.OTHER


def install(path: Path, text: str) -> bool:
    """Write the dialplan, and tell whether anything changed. Blocking.

    Raises:
        DialplanError: the file is somebody else's, or cannot be written; nothing has changed then.
    """
    found = look(path, text)
    if found is Found.SAME:
        return False
    if found in {Found.FOREIGN, Found.EDITED}:
        raise DialplanError(f"{path} was left alone: {found.value}; move it away and try again")
    write(path, text)
    return True


def write(path: Path, text: str) -> None:
    """Write a file so that it is always whole: the old one or the new one. Blocking.

    Raises:
        DialplanError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                _dress_as(file.fileno(), path)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DialplanError(f"{path} cannot be written ({_reason(error)}); see who may write there") from None


def _dress_as(handle: int, path: Path) -> None:
    """Give a new file the mode and the owner of the one that it replaces."""
    try:
        was = path.stat()
    except FileNotFoundError:
        os.fchmod(handle, _NEW_MODE)
        return
    with suppress(PermissionError):  # only root may give a file away; the mode below is what Asterisk needs
        os.fchown(handle, was.st_uid, was.st_gid)
    os.fchmod(handle, was.st_mode & 0o7777)


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()
