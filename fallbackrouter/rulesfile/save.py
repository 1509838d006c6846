"""Writing a rules file back: all of it or nothing, and never over what somebody else has saved meanwhile."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fallbackrouter.core.errors import RulesError

_TRIES = 50
_PAUSE_S = 0.1
_NEW_MODE = 0o644


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other commands of ours from changing the directory's files meanwhile; waits some seconds for them.

    Raises:
        RulesError: the directory cannot be opened, or another command holds it for long.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise RulesError(f"{directory} cannot be opened ({_reason(error)}); make it, or set rules.dir") from None
    try:
        _lock(handle, directory)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, directory: Path) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        except OSError:
            return  # a file system without locks; that a file has changed meanwhile is still noticed
        else:
            return
    raise RulesError(f"another command is changing the rules in {directory}; wait for its end, and try again")


def save(path: Path, before: bytes | None, after: bytes | None) -> None:
    """Replace a file's content at one stroke; its mode and owner stay, and so does a link that leads to it.

    Args:
        before: what it was when it was read, None where it was not there.
        after: None to delete it.

    Raises:
        RulesError: it is another by now, or cannot be written; it is as it was.
    """
    target = path.resolve()
    try:
        if read_if_there(target) != before:
            raise RulesError(f"{path} was changed by somebody else meanwhile; nothing was written, try again")
        if after is None:
            target.unlink(missing_ok=True)
        else:
            _replace(target, after)
        _sync(target.parent)
    except OSError as error:
        raise RulesError(f"{path} cannot be written ({_reason(error)}); see who may write there") from None


def read_if_there(path: Path) -> bytes | None:
    """Return a file's content, None where it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(target: Path, after: bytes) -> None:
    # A hidden name: who lists the rules meanwhile does not take it for one of them.
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            _dress_as(file.fileno(), target)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _dress_as(handle: int, target: Path) -> None:
    """Give a new file the mode and the owner of the one that it replaces."""
    try:
        was = target.stat()
    except FileNotFoundError:
        os.fchmod(handle, _NEW_MODE)
        return
    with suppress(PermissionError):  # only root may give a file away; the mode below is what readers need
        os.fchown(handle, was.st_uid, was.st_gid)
    os.fchmod(handle, was.st_mode & 0o7777)


def _sync(directory: Path) -> None:
    """Have the new name reach the disk too; where a file system cannot, the file is saved all the same."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()
