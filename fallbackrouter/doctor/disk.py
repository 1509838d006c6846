"""The disk of data_dir: is there room, and may this user write?"""

import os
import tempfile
from pathlib import Path

from fallbackrouter.control.parts import FULL_BYTES, LOW_BYTES, MAKE_ROOM
from fallbackrouter.doctor.finding import Finding, fail, ok, warn

NAME = "disk"


def check_disk(data_dir: Path, warn_bytes: int = LOW_BYTES, fail_bytes: int = FULL_BYTES) -> list[Finding]:
    """Look at the free space, and write a file that has no name and leaves none. Blocking.

    Args:
        warn_bytes: less free space than this is a warning.
        fail_bytes: less than this is a failure.
    """
    if not data_dir.exists():
        return [_missing(data_dir)]
    return [_writable(data_dir), _room(data_dir, warn_bytes, fail_bytes)]


def _missing(data_dir: Path) -> Finding:
    remedy = "it is made when `fallbackrouter serve` starts; if it should be there, check data_dir and mounts"
    return warn(NAME, f"data_dir {data_dir} is not there", remedy)


def _writable(data_dir: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=data_dir) as file:
            file.write(b"fallbackrouter doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        what = f"data_dir {data_dir} cannot be written ({(error.strerror or 'no reason given').lower()})"
        return fail(NAME, what, "make it a folder that the service's user may write, with room on its disk")
    return ok(NAME, f"data_dir {data_dir} can be written")


def _room(data_dir: Path, warn_bytes: int, fail_bytes: int) -> Finding:
    disk = os.statvfs(data_dir)
    free_bytes = disk.f_bavail * disk.f_frsize
    what = f"{free_bytes / 1e6:,.0f} MB are free where data_dir lies"
    if free_bytes < fail_bytes:
        return fail(NAME, what, MAKE_ROOM)
    return warn(NAME, what, MAKE_ROOM) if free_bytes < warn_bytes else ok(NAME, what)
