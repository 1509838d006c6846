"""A door on a free port of loopback, with a router that decides nothing behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.numbers import read_number
from fallbackrouter.entrance.reception import Reception
from fallbackrouter.fastagi.server import AgiServer
from fallbackrouter.httproute.server import HttpServer
from tests.fakes.desk import FakeDesk

SHAPE = AnswerShape(("app", "num", "time", "text"), {"group": "ext-group,{num},1"})
GRAMMAR = Grammar(
    paths={"cur": ("did", "caller", "call_id", "stage", "short", "link")},
    event_stages=frozenset({"start", "end_auto"}),
    known_stages=frozenset(),
    read_number=lambda text: read_number(text, None),
)
PATIENCE_S = 60.0
"""A safety net: what a test waits for comes at once, or the test fails."""


class Door:
    """What a test holds: the reception, its desk, and the port."""

    def __init__(self, reception: Reception, desk: FakeDesk, port: int) -> None:
        self.reception = reception
        self.desk = desk
        self.port = port

    async def until(self, done: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                await asyncio.sleep(0.005)

    async def counted(self, **counts: int) -> None:
        """Wait until these counts are reached and no connection is in hand."""
        reception = self.reception
        await self.until(lambda: not len(reception.held) and counts.items() <= dict(reception.counts).items())


@asynccontextmanager
async def opened(
    desk: FakeDesk | None = None,
    host: str = "127.0.0.1",
    server: Callable[..., AgiServer | HttpServer] = AgiServer,
    **options: Any,
) -> AsyncIterator[Door]:
    """Open a door, FastAGI's unless it is to be another, and close it at the end."""
    desk = desk or FakeDesk()
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    given = {"allow": ["127.0.0.0/8", "::1/128"], "max_calls": 100, **options}
    shown = {"grammar": given.pop("grammar", lambda: GRAMMAR), "shape": given.pop("shape", SHAPE)}
    reception = Reception(clock=SystemClock(), **given)
    await server(reception=reception, router=desk, clock=SystemClock(), **shown).start([listener])
    try:
        yield Door(reception, desk, listener.getsockname()[1] if listener.fileno() >= 0 else 0)
    finally:
        reception.stop_accepting()
        await reception.drain(0)
