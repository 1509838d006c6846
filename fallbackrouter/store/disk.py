"""How much room a disk has left."""

import os
from pathlib import Path


def disk_free_bytes(folder: Path) -> int:
    """Return how much room a folder's disk has left for this user."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
