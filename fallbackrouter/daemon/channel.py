"""A child's end of the channel to the parent: JSON lines over a socketpair, read in the child's own event loop.

Down, from the parent: first `{"do":"start", …}` with the child's order; then commands. One with an `id` is answered.

| do | what |
| --- | --- |
| `rules_changed`, `routes_changed` | to call workers: take the latest, answer `{"rules": n}` or `{"routes": n}` |
| `prompts_changed` | to call workers: take what lies in the folder of prompts, answer `{"prompts": n}` |
| `breaker` | to call workers: what another one's breaker has come to, see `fallbackrouter.daemon.breaker_shared` |
| `drill` | to call workers: `fault` for `share` of questions until `until_s` (monotonic); `fault` "": its end |
| `apply`, `sync`, `incident` | to the background process: store checked rules; fetch routes now; keep an incident |
| `deliver` | to the background process: send events that are due now |
| `call` | to the background process: look at the calls that wait to be made |
| `drain` | to all: finish what is in hand within `within_s`, then end |
| `prompts_wanted` | to the background process: what calls wanted of prompts and did not get, and what they used |
| `prompt`, `purge_prompts` | to the background process: begin to have a prompt; let go of some, or all |

Up: `ready` with facts (once), `alive` with facts (the heartbeat), `done` with an `id`, `failed` with a sentence, from
call workers `breaker` and `prompts`, and from the background process `rules_changed`, `routes_changed` and
`prompts_changed`. The parent's end of the channel closing means: end now.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping

from fallbackrouter.control.lines import Message, decode, encode
from fallbackrouter.core.errors import ControlError, FallbackrouterError
from fallbackrouter.daemon.orphan import WITHIN_S

MAX_LINE_BYTES = 4 * 1024 * 1024
ORPHAN_LEAVE_S = WITHIN_S * 2 / 3
"""What an orphan gives its calls; the rest of `WITHIN_S` is for its journal."""
MAX_UNREAD_BYTES = 262_144
"""A parent that does not read (a stopped one) misses heartbeats; it can tell that by itself."""

Handler = Callable[[Message], Awaitable[Message]]


class Channel:
    """Speaks with the parent.

    Attributes:
        leaving: set when this process is to end.
        leave_s: what it then has to finish what is in hand.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.leaving = asyncio.Event()
        self.leave_s = ORPHAN_LEAVE_S
        self._reader = reader
        self._writer = writer
        self._commands: asyncio.Queue[Message] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, descriptor: int) -> "Channel":
        """Take the inherited descriptor; SIGTERM means the same as a `drain`."""
        peer = socket.socket(fileno=descriptor)
        channel = cls(*await asyncio.open_unix_connection(sock=peer, limit=MAX_LINE_BYTES))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, channel._leave, 5.0)
        return channel

    async def order(self) -> Message:
        """Return what this process is told first.

        Raises:
            ControlError: the parent is gone, or said something else.
        """
        line = await self._reader.readline()
        message = decode(line) if line else {}
        if message.get("do") != "start":
            raise ControlError("this process is started by `fallbackrouter serve` only, which tells it what to do")
        self._tasks.append(asyncio.create_task(self._read(), name="channel"))
        return message

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                message = decode(line)
                if message.get("do") == "drain":
                    self._leave(float(message.get("within_s", 0)))
                else:
                    self._commands.put_nowait(message)
        except (ConnectionError, ControlError, ValueError):
            pass  # a parent that speaks garbage is none
        self._leave(ORPHAN_LEAVE_S)

    def _leave(self, within_s: float) -> None:
        if not self.leaving.is_set() or within_s < self.leave_s:
            self.leave_s = within_s
        self.leaving.set()

    def serve(self, handlers: Mapping[str, Handler]) -> None:
        """Carry out commands, one after the other, from now on; those that came meanwhile first."""
        self._tasks.append(asyncio.create_task(self._carry_out(handlers), name="commands"))

    async def _carry_out(self, handlers: Mapping[str, Handler]) -> None:
        while True:
            message = await self._commands.get()
            answer = await self._answer(handlers, message)
            if "id" in message:
                self.say({**answer, "say": "done", "id": message["id"]})

    async def _answer(self, handlers: Mapping[str, Handler], message: Message) -> Message:
        handler = handlers.get(str(message.get("do")))
        if handler is None:
            return {"error": f"this process knows no command {message.get('do')!r}"}
        try:
            return await handler(message)
        except FallbackrouterError as refusal:
            return {"error": str(refusal)}
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the asker's to hear, and the next command's turn
            return {"error": f"{type(error).__name__}: {error}"}

    def say(self, message: Message) -> None:
        """Tell the parent something; never waits."""
        if not self._writer.is_closing():
            self._writer.write(encode(message, MAX_LINE_BYTES))

    def beat(self, facts: Callable[[], Message], every_s: float) -> None:
        """Say from now on that the loop is alive, with what is worth knowing."""
        self._tasks.append(asyncio.create_task(self._beat(facts, every_s), name="heartbeat"))

    async def _beat(self, facts: Callable[[], Message], every_s: float) -> None:
        while True:
            if self._writer.transport.get_write_buffer_size() < MAX_UNREAD_BYTES:
                self.say({**facts(), "say": "alive"})
            await asyncio.sleep(every_s)

    async def close(self) -> None:
        """Say what waits to be said, for a moment, and let go."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._writer.close()
