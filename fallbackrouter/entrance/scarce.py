"""Accepts connections by hand where file descriptors are scarce: those that there is no room for wait in the queue.

The loop's own server accepts whatever has come, and at the limit of open files resets it unheard. This one is slower,
and takes no more than there is room for; a peer that has said nothing for a while makes room for the next.
"""

import asyncio
import socket
from collections.abc import Callable

from fallbackrouter.entrance.held import Held

LOOK_AGAIN_S = 0.005


class ScarceServer:
    """One listening socket.

    Args:
        make: makes the protocol of a connection.
        held: the connections in hand.
        room: how many there may be.
    """

    def __init__(self, listener: socket.socket, make: Callable[[], asyncio.Protocol], held: Held, room: int) -> None:
        self._listener = listener
        self._make = make
        self._held = held
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[object]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._open = True
        listener.settimeout(0)
        self._listen()

    def close(self) -> None:
        """Accept no more."""
        self._open = False
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _listen(self) -> None:
        self._again = None
        if self._open:
            self._loop.add_reader(self._listener, self._ready)

    def _ready(self) -> None:
        """Take those who wait, as far as there is room."""
        while len(self._held) + len(self._coming) < self._room:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                break  # no descriptor after all, or a peer that has gone: look again
            connection.settimeout(0)
            coming = self._loop.create_task(self._take(connection))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)
        else:
            self._held.let_go_silent()
        self._loop.remove_reader(self._listener)
        self._again = self._loop.call_later(LOOK_AGAIN_S, self._listen)

    async def _take(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, connection)
        except OSError:
            connection.close()
