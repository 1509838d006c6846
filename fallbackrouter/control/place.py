"""Where the control socket lies: `control.sock` in data_dir, whatever that path's length.

A Unix socket's address holds 107 bytes. A longer path is reached through an open descriptor of its directory, as
/proc/self/fd/N/control.sock, which is as short as it gets and names the same file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET_NAME = "control.sock"
MAX_ADDRESS_BYTES = 107
"""sun_path's 108 bytes without the closing zero (unix(7))."""


@contextmanager
def socket_address(data_dir: Path) -> Iterator[str]:
    """Give an address of data_dir's control socket that fits; it is valid inside the `with` only.

    Raises:
        OSError: data_dir cannot be opened.
    """
    path = str(data_dir / SOCKET_NAME)
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        yield path
        return
    descriptor = os.open(data_dir, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
