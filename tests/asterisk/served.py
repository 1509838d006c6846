"""A door with a router that decides nothing, on a loop in a thread of its own."""

import asyncio
import threading
from typing import Any, Self

from tests.fakes.desk import FakeDesk
from tests.fakes.door import Door, opened

PATIENCE_S = 30.0
CLOSING_S = 0.1
"""What connections that were cut have to be closed before the loop ends."""


class ServedDoor:
    """Serves from `with` to its end.

    Args:
        desk: answers, and keeps what it was asked.
        options: what kind of door; see tests.fakes.door.
    """

    def __init__(self, desk: FakeDesk | None = None, **options: Any) -> None:
        self.desk = desk or FakeDesk()
        self.door: Door | None = None
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="door")

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        async with opened(self.desk, **self._options) as self.door:
            self._ready.set()
            await self._over.wait()
        await asyncio.sleep(CLOSING_S)
        await self.door.reception.drain(0)  # a call that ran into the end was let in meanwhile
        await asyncio.sleep(CLOSING_S)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        if self.desk.gate is not None:
            self._loop.call_soon_threadsafe(self.desk.gate.set)
        if self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self.door is not None
        return self.door.port

    def freeze(self) -> None:
        """From here on no question is answered."""
        self.desk.gate = asyncio.Event()
