"""What is known of every prompt: where it came from, its files, when it was asked for, why it is not there.

A JSON file in the folder of the prompts, for its owner alone, as URLs and texts may be private; replaced at one stroke.
It may be lost at any time: everything is fetched and spoken anew then.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.prompt import Prompt
from fallbackrouter.prompts.files import base_path, is_there

NAME = "prompts.json"
MAX_BYTES = 32 * 1_048_576
MAX_ENTRIES = 5_000


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt.

    Attributes:
        content: names its files, "" while there are none.
        size_bytes: of all its files.
        seconds: how long it lasts.
        etag: what its server called it, "" for nothing.
        modified: when its server says that it was changed, as the server spelled it.
        checked_ms: when it was last fetched, or found unchanged; ms of Unix time, as all that follow.
        tried_ms: when the last try ended, well or not.
        used_ms: when a call last wanted it.
        reason: why the last try failed, "" where it did not.
        failures: tries that failed in a row.
        next_ms: nothing is tried before.
    """

    kind: str
    what: str
    language: str = ""
    voice: str = ""
    content: str = ""
    size_bytes: int = 0
    seconds: float = 0.0
    etag: str = ""
    modified: str = ""
    checked_ms: int = 0
    tried_ms: int = 0
    used_ms: int = 0
    reason: str = ""
    failures: int = 0
    next_ms: int = 0

    @property
    def prompt(self) -> Prompt:
        """What it is about."""
        return Prompt(self.kind, self.what, self.language, self.voice)


class Document(msgspec.Struct, frozen=True):
    """The file."""

    v: int
    entries: list[Entry]


def entry_of(prompt: Prompt) -> Entry:
    """Return what is known of a prompt that was never tried."""
    return Entry(kind=prompt.kind, what=prompt.what, language=prompt.language, voice=prompt.voice)


def load_entries(folder: Path) -> dict[str, Entry]:
    """Return what was saved, by key; nothing where nothing readable was. Blocking."""
    try:
        path = folder / NAME
        if path.stat().st_size > MAX_BYTES:
            return {}
        document = msgspec.json.decode(path.read_bytes(), type=Document)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return {}
    return {entry.prompt.key: entry for entry in document.entries[:MAX_ENTRIES]} if document.v == 1 else {}


def load_paths(folder: Path) -> dict[str, str]:
    """Return key -> path without extension, of every prompt whose files are there. Blocking."""
    entries = load_entries(folder)
    there = {content for content in {entry.content for entry in entries.values()} if is_there(folder, content)}
    return {key: base_path(folder, entry.content) for key, entry in entries.items() if entry.content in there}


def save_entries(folder: Path, entries: Iterable[Entry]) -> None:
    """Save all at one stroke. Blocking.

    Raises:
        StoreError: the disk is in the way.
    """
    path = folder / NAME
    new = path.with_name(f"{NAME}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(Document(1, list(entries))))
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise StoreError(f"{path} cannot be written ({reason}); see to the disk of prompts.dir") from None


def contents(entries: Mapping[str, Entry]) -> frozenset[str]:
    """Return the names of all files that are needed."""
    return frozenset(entry.content for entry in entries.values() if entry.content)
