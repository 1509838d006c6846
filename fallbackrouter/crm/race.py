"""Connects to the first of several addresses that takes the connection.

Its rules: the next address is tried when the last has failed or `stagger_s` went by, the earlier ones still running;
every socket but the winner's is closed, also where the whole race is cancelled at any moment.
"""

import asyncio
import socket
from collections.abc import Sequence

from fallbackrouter.connecting import connect_to

STAGGER_S = 0.08


async def connect_first(addresses: Sequence[str], port: int, stagger_s: float = STAGGER_S) -> tuple[str, socket.socket]:
    """Return the address that won and its connected, non-blocking socket.

    Args:
        addresses: literal, the best first; not empty.

    Raises:
        OSError: none took the connection; the best one's error.
    """
    if len(addresses) == 1:
        return addresses[0], await connect_to(addresses[0], port)
    race = _Race(addresses, port, stagger_s)
    try:
        return await race.run()
    finally:
        race.end()


class _Race:
    def __init__(self, addresses: Sequence[str], port: int, stagger_s: float) -> None:
        self._waiting = list(addresses)
        self._port = port
        self._stagger_s = stagger_s
        self._running: dict[asyncio.Task[socket.socket], str] = {}
        self._errors: dict[str, BaseException] = {}
        self._best = addresses[0]

    async def run(self) -> tuple[str, socket.socket]:
        while self._waiting or self._running:
            self._start_next()
            timeout_s = self._stagger_s if self._waiting else None
            done, _ = await asyncio.wait(self._running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                address = self._running.pop(task)
                error = task.exception()
                if error is None:
                    return address, task.result()
                self._errors[address] = error
        raise self._errors[self._best]

    def _start_next(self) -> None:
        if self._waiting:
            address = self._waiting.pop(0)
            self._running[asyncio.create_task(connect_to(address, self._port))] = address

    def end(self) -> None:
        for task in self._running:
            task.cancel()
            task.add_done_callback(_close_loser)


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
