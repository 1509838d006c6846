"""The journal: does it open, is its schema ours, and can it be written (is no other program holding it)?"""

import os
from pathlib import Path

from fallbackrouter.core.errors import StoreError
from fallbackrouter.doctor.finding import Finding, fail, failed_by, ok, skip, warn
from fallbackrouter.store.migrate import schema_version
from fallbackrouter.store.schema import REVISION

NAME = "journal"


def check_journal(journal: Path) -> list[Finding]:
    """Open the journal for writing, for a moment, and read its schema's version.

    Blocking, up to 5 s where it is locked. Nothing is written, and a journal that is not there is not made.
    """
    if not journal.exists():
        return [skip(NAME, f"there is no {journal} yet; it is made when `fallbackrouter serve` starts")]
    sealed = [file for file in _files(journal) if file.exists() and not os.access(file, os.W_OK)]
    if sealed:
        remedy = "run the command as the user that serves, or give that user the file"
        return [fail(NAME, f"{sealed[0]} may not be written by this user", remedy)]
    try:
        version = schema_version(journal)
    except StoreError as error:
        return [failed_by(NAME, error)]
    if version > REVISION:
        what = f"{journal} was written by a newer fallbackrouter (schema {version}, this one knows {REVISION})"
        return [fail(NAME, what, "install that version or newer, or move the file away")]
    if version < REVISION:
        what = f"{journal} has schema {version or 'none'}, this fallbackrouter's is {REVISION}"
        return [warn(NAME, what, "start or restart the service, which migrates it")]
    return [ok(NAME, f"{journal} opens and can be written, schema {version}")]


def _files(journal: Path) -> list[Path]:
    """Return the journal's files; SQLite would open those that it may only read, and fail at the first write."""
    return [journal.with_name(f"{journal.name}{end}") for end in ("", "-wal", "-shm")]
