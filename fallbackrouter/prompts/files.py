"""The folder of the prompts: two files for each content, and a corner where they are made.

Rules: every name in it is made here, of hexadecimal digits; nothing from outside becomes part of a path; what is kept
is renamed into its place whole, so that Asterisk never plays half a file. All of it blocks: call it in a thread.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.errors import StoreError

RATES = {".wav16": 16_000, ".wav": 8_000}
"""Extension -> samples a second: as Asterisk's format_wav knows them."""
_WORK = ".making"
_CONTENT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Made:
    """Files that have been made and are ready to be kept.

    Attributes:
        content: names them.
        files: extension -> where it lies.
        seconds: how long it lasts.
    """

    content: str
    files: dict[str, Path]
    seconds: float


def prepare(folder: Path) -> None:
    """Make the folder, which Asterisk's user can read, and sweep the corner where files are made.

    Raises:
        StoreError: it cannot be made or written.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o755)  # whatever the umask: Asterisk's user reads it
        shutil.rmtree(folder / _WORK, ignore_errors=True)
        (folder / _WORK).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        remedy = "make it a folder that the service's user may write"
        raise StoreError(f"prompts.dir {folder} cannot be used ({reason}); {remedy}") from None


def corner(folder: Path) -> "tempfile.TemporaryDirectory[str]":
    """Return a folder to make files in, which leaves nothing behind."""
    return tempfile.TemporaryDirectory(dir=folder / _WORK, ignore_cleanup_errors=True)


def base_path(folder: Path, content: str) -> str:
    """Return what Asterisk plays: the path without its extension."""
    return str(folder / content)


def is_there(folder: Path, content: str) -> bool:
    """Tell whether all files of a content are there."""
    if not _CONTENT.fullmatch(content):
        return False
    return all((folder / f"{content}{extension}").is_file() for extension in RATES)


def keep(folder: Path, made: Made) -> int:
    """Put files into their places, and return how many bytes they take.

    Raises:
        StoreError: the disk is in the way.
    """
    if not _CONTENT.fullmatch(made.content):
        raise StoreError("a prompt's content has no name")
    size_bytes = 0
    try:
        for extension, path in made.files.items():
            path.chmod(0o644)
            with path.open("rb") as file:
                os.fsync(file.fileno())
            size_bytes += path.stat().st_size
            path.replace(folder / f"{made.content}{extension}")
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise StoreError(f"a prompt cannot be kept in {folder} ({reason}); see to its disk") from None
    return size_bytes


def remove(folder: Path, gone: Collection[str]) -> None:
    """Delete the files of contents; those that are being played are played to their end."""
    for content in gone:
        if _CONTENT.fullmatch(content):
            for extension in RATES:
                with suppress(OSError):
                    (folder / f"{content}{extension}").unlink(missing_ok=True)


def strays(folder: Path, needed: Collection[str]) -> frozenset[str]:
    """Return the contents whose files lie here and are not needed."""
    try:
        names = [path.stem for path in folder.iterdir() if path.suffix in RATES]
    except OSError:
        return frozenset()
    return frozenset(name for name in names if _CONTENT.fullmatch(name) and name not in needed)


def free_bytes(folder: Path) -> int:
    """Return what the folder's disk has room for."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize
