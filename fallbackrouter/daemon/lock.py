"""The lock on data_dir: it admits one daemon, and ends with its process, however that ends."""

import fcntl
import os
from pathlib import Path

from fallbackrouter.core.errors import StoreError

LOCK_NAME = "lock"


def take_lock(data_dir: Path) -> int:
    """Take the lock and write our pid into it.

    Returns:
        The descriptor that holds the lock until it is closed; children do not inherit it.

    Raises:
        StoreError: another daemon holds it, or the file cannot be made; one sentence.
    """
    path = data_dir / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened ({error.strerror}); make data_dir writable for this user") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            f"another fallbackrouter (pid {holder}) already serves from {data_dir}; "
            "stop it, or give this one a data_dir of its own"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
