"""The listening sockets: bound once by the parent, inherited by every call worker, given by systemd where it offers.

No SO_REUSEPORT: with it each worker has a queue of its own, and a frozen one takes its share of new calls with it.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from ipaddress import ip_address

from fallbackrouter.core.errors import ConfigError

BACKLOG = 1024
"""A backlog of 20 drops 1 % of the calls at 100 at a time."""
_FIRST_INHERITED = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""
_TRIES = 10
_BETWEEN_TRIES_S = 0.1
"""The children of a parent that was killed let go of the port within moments."""

Listeners = dict[str, socket.socket]
"""The address as configured -> its socket."""


async def open_listeners(wanted: Sequence[str], held: Mapping[str, socket.socket], key: str) -> Listeners:
    """Return a listening socket for every wanted address, taking those already held.

    Args:
        wanted: addresses with ports, "127.0.0.1:4573" or "[::1]:4573".
        held: sockets that listen already; those not wanted are left open.
        key: where the addresses are configured, for errors.

    Raises:
        ConfigError: an address cannot be listened on; what was opened for this call is closed again.
    """
    listeners: Listeners = {}
    try:
        for address in wanted:
            found = held.get(address) or held.get(spelled(*split(address, key)))
            listeners[address] = found or await _listen(address, key)
    except ConfigError:
        close_all(one for one in listeners.values() if one not in held.values())
        raise
    return listeners


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close sockets; what waits in a queue that no other process holds is reset."""
    for one in sockets:
        one.close()


def inherited(environ: MutableMapping[str, str]) -> Listeners:
    """Return the sockets that systemd handed over (sd_listen_fds(3)), by address; children do not see the variables."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return {}
    sockets = [socket.socket(fileno=fd) for fd in range(_FIRST_INHERITED, _FIRST_INHERITED + int(count))]
    for one in sockets:
        one.set_inheritable(False)
    return {address_of(one): one for one in sockets}


def address_of(listener: socket.socket) -> str:
    """Return where a socket listens, spelled as it would be configured."""
    name = listener.getsockname()
    return spelled(name[0], name[1]) if isinstance(name, tuple) else f"unix:{name}"


def spelled(host: str, port: int) -> str:
    """Spell an address in the one way that all its spellings share."""
    address = ip_address(host)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # noqa: PLR2004 - IPv6


def split(address: str, key: str) -> tuple[str, int]:
    """Split "127.0.0.1:4573" or "[::1]:4573".

    Raises:
        ConfigError: it is neither.
    """
    host, _, port = address.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ip_address(host)), int(port)
    except ValueError:
        raise ConfigError(f'{key}: {address} is no address with a port; write one like "127.0.0.1:4573"') from None


async def _listen(address: str, key: str) -> socket.socket:
    for tries_left in reversed(range(_TRIES)):
        try:
            return _bind(*split(address, key))
        except (OSError, OverflowError) as error:
            if getattr(error, "errno", None) != errno.EADDRINUSE or not tries_left:
                raise ConfigError(f"{key}: {_sentence(address, error, key)}") from None
        await asyncio.sleep(_BETWEEN_TRIES_S)
    raise AssertionError("the last try returns or raises")


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _sentence(address: str, error: Exception, key: str) -> str:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"{address} is in use by another program; stop that one, or set {key} to a free port"
    if code == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this machine; set {key} to one that it has"
    if code == errno.EACCES:
        return f"{address} may not be listened on by this user; set {key} to a port above 1023"
    reason = getattr(error, "strerror", None) or error
    return f"{address} cannot be listened on ({reason}); set {key} to another address"
