"""A manager interface that plays Asterisk's part on the loopback, well or badly."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

USER, SECRET = "router", "s3cret"
GREETING = b"Asterisk Call Manager/9.0.0\r\n"

Asked = dict[str, str]


def message(**fields: str) -> bytes:
    """Return one message's bytes."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"


class FakeAmi:
    """Listens; every property may be changed while it runs.

    Attributes:
        greeting: what a connection hears first.
        channels: (uniqueid, linkedid, name) of those that live.
        silent: actions that get no answer.
        refused: actions that are refused.
        allowed: what ListCommands tells.
        raw: action -> these bytes for an answer.
        asked: the actions so far, logins among them.
        connections: how many there were.
    """

    def __init__(self) -> None:
        self.greeting = GREETING
        self.channels: list[tuple[str, str, str]] = []
        self.silent: set[str] = set()
        self.refused: set[str] = set()
        self.allowed = ["CoreShowChannels", "ListCommands"]
        self.raw: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.connections = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def listen(self) -> None:
        """Take connections, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Be gone, with all connections."""
        if self._server is not None:
            self._server.close()
        self.drop()

    def drop(self) -> None:
        """End all connections at once."""
        for writer in self._writers:
            writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Send bytes on every connection."""
        for writer in self._writers:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        writer.write(self.greeting)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                asked = dict(line.split(": ", 1) for line in block.strip().split("\r\n"))
                self.asked.append(asked)
                writer.write(b"".join(self._answer(asked)))
        self._writers.discard(writer)
        writer.close()

    def _answer(self, asked: Asked) -> list[bytes]:
        name, action_id = asked["Action"], asked["ActionID"]
        if name in self.silent:
            return []
        if name in self.raw:
            return [self.raw[name].replace(b"ACTION_ID", action_id.encode())]
        if name in self.refused or (name == "Login" and (asked["Username"], asked["Secret"]) != (USER, SECRET)):
            text = "Authentication failed" if name == "Login" else "Permission denied"
            return [message(Response="Error", ActionID=action_id, Message=text)]
        if name == "ListCommands":
            return [message(Response="Success", ActionID=action_id, **dict.fromkeys(self.allowed, "does things"))]
        if name == "CoreShowChannels":
            return self._list(action_id)
        return [message(Response="Success", ActionID=action_id, Message=f"{name} done")]

    def _list(self, action_id: str) -> list[bytes]:
        start = message(Response="Success", ActionID=action_id, EventList="start", Message="Channels will follow")
        each = [
            message(Event="CoreShowChannel", ActionID=action_id, Channel=name, Uniqueid=uniqueid, Linkedid=linkedid)
            for uniqueid, linkedid, name in self.channels
        ]
        end = message(Event="CoreShowChannelsComplete", ActionID=action_id, EventList="Complete", ListItems="1")
        return [start, *each, end]


class AmiThread:
    """A FakeAmi on a loop in a thread of its own, for tests that wait for processes."""

    def __init__(self) -> None:
        self.fake = FakeAmi()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ami")

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def listen(self) -> None:
        """Take connections."""
        self._run(self.fake.listen())

    def stop(self) -> None:
        """Be gone."""
        self._run(self._stop())

    async def _stop(self) -> None:
        self.fake.stop()

    async def _end(self) -> None:
        self.fake.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def tell(self, **event: str) -> None:
        """Send an event on every connection."""
        self._loop.call_soon_threadsafe(self.fake.send, message(**event))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
