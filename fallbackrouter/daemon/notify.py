"""What systemd is told (sd_notify(3)), without a library and without ever waiting for it.

Where no systemd asks, everything here does nothing.
"""

import os
import socket
from collections.abc import MutableMapping


class Notifier:
    """Speaks to the service manager that started this process.

    Args:
        environ: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read and taken out, so that no child inherits them.

    Attributes:
        watchdog_s: within so many seconds a `WATCHDOG=1` is expected; None where nobody watches.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", ""))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if address else None
        self._owed: dict[str, str] = {}

    def say(self, *states: str) -> None:
        """Send states such as `READY=1`; a manager that is busy gets them with what is said next, or `again`.

        Its queue holds few messages (net.unix.max_dgram_qlen). One that does not listen at all misses them.
        """
        if self._socket is None:
            return
        said = self._owed | {state.partition("=")[0]: state for state in states}
        self._owed = {}
        try:
            self._socket.sendto("\n".join(said.values()).encode("utf-8", "replace"), self._address)
        except BlockingIOError:
            said.pop("WATCHDOG", None)  # tells of the moment it was sent, not of a later one
            self._owed = said
        except OSError:
            return

    def again(self) -> None:
        """Send what a busy manager could not take."""
        if self._owed:
            self.say()

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()


def _watchdog_s(usec: str, pid: str) -> float | None:
    if not usec.isdecimal() or int(usec) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(usec) / 1_000_000
