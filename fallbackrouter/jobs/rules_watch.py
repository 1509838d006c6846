"""Notices that a rule file was saved: by name, size and time of change, and only once saving has come to rest.

Plain looking, once a second: it works on every file system, and a second is soon enough for an edit.
"""

import os
from pathlib import Path

EVERY_S = 1.0
MAX_FILES = 10_000

Picture = frozenset[tuple[str, int, int, int]]
"""path, inode, size, time of change (ns) of every file."""


def picture_of(folder: Path) -> Picture:
    """Return how the files of a folder, and of those in it, look now; empty where there is none."""
    seen: set[tuple[str, int, int, int]] = set()
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                stat = path.stat()
            except OSError:
                continue  # gone between listing and looking; the next look tells
            seen.add((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns))
            if len(seen) >= MAX_FILES:
                return frozenset(seen)
    return frozenset(seen)


class Rest:
    """Tells when a changed folder has come to rest; an editor saves in several steps."""

    def __init__(self) -> None:
        self._last: Picture | None = None
        self._taken: Picture | None = None

    def look(self, picture: Picture) -> bool:
        """Take a look.

        Returns:
            True where the folder looks as it did the last time and has not been taken since it changed. The first
            picture counts as a change: nobody knows what was before.
        """
        at_rest, self._last = picture == self._last, picture
        if not at_rest or picture == self._taken:
            return False
        self._taken = picture
        return True
