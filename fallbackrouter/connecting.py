"""Connects to a literal address without the loop's own sock_connect.

uvloop's has even a literal address looked up in its few threads, where a stuck look-up of anybody's holds it up.
"""

import asyncio
import errno
import os
import socket


async def connect_to(address: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket; may be cancelled at any moment.

    Args:
        address: IPv4 or IPv6, never a name.

    Raises:
        OSError: the connection was refused, or the address cannot be reached.
    """
    connecting = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connecting.settimeout(0)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _check(connecting.connect_ex((address, port)), errno.EINPROGRESS)
        await _writable(connecting)
        _check(connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    except BaseException:
        connecting.close()
        raise
    return connecting


def _check(error: int, fine: int = 0) -> None:
    if error not in {0, fine}:
        raise OSError(error, os.strerror(error))


async def _writable(connecting: socket.socket) -> None:
    """Wait until the connection is made or has failed."""
    loop = asyncio.get_running_loop()
    settled: asyncio.Future[None] = loop.create_future()
    loop.add_writer(connecting, _settle, settled)
    try:
        await settled
    finally:
        loop.remove_writer(connecting)


def _settle(settled: asyncio.Future[None]) -> None:
    if not settled.done():
        settled.set_result(None)
