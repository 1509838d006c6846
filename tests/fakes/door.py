"""A FastAGI door on a free port of loopback, with a router that decides nothing behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.numbers import read_number
from fallbackrouter.fastagi.server import AgiServer
from tests.fakes.desk import FakeDesk

SHAPE = AnswerShape(("app", "num", "time", "text"), {"group": "ext-group,{num},1"})
GRAMMAR = Grammar(
    paths={"cur": ("did", "caller", "call_id", "stage", "short", "link")},
    event_stages=frozenset({"start", "end_auto"}),
    known_stages=frozenset(),
    read_number=lambda text: read_number(text, None),
)
PATIENCE_S = 10.0
"""A safety net: what a test waits for comes at once, or the test fails."""


class Door:
    """What a test holds: the server, its desk, and the port."""

    def __init__(self, server: AgiServer, desk: FakeDesk, port: int) -> None:
        self.server = server
        self.desk = desk
        self.port = port

    async def until(self, done: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                await asyncio.sleep(0.005)

    async def counted(self, **counts: int) -> None:
        """Wait until these counts are reached and no connection is in hand."""
        await self.until(lambda: self.server.held == 0 and counts.items() <= dict(self.server.counts).items())


@asynccontextmanager
async def opened(desk: FakeDesk | None = None, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Door]:
    """Open a door, and close it at the end."""
    desk = desk or FakeDesk()
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    given = {"allow": ["127.0.0.0/8", "::1/128"], "max_calls": 100, "grammar": lambda: GRAMMAR, "shape": SHAPE}
    server = AgiServer(router=desk, clock=SystemClock(), **{**given, **options})
    await server.start([listener])
    try:
        yield Door(server, desk, listener.getsockname()[1] if listener.fileno() >= 0 else 0)
    finally:
        server.stop_accepting()
        await server.drain(0)
