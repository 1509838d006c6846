"""The parent's view of one child: its process, the channel to it, and when it was last heard.

What is said over the channel (JSON lines) stands in `fallbackrouter.daemon.channel`.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from fallbackrouter.clock import Clock
from fallbackrouter.control.lines import Message, decode, encode
from fallbackrouter.core.errors import ControlError

STACKS_SIGNAL = signal.SIGUSR2
"""A child answers it with the stacks of all its threads on stderr (faulthandler), even when its loop hangs."""
STACKS_S = 0.2
"""What it gets to write them before it is killed."""
MAX_CHANNEL_LINE_BYTES = 4 * 1024 * 1024
START_S = 15.0
"""A child that has never been heard is not called silent before this."""

OnWord = Callable[["Child", Message], None]


class Child:
    """One started process.

    Attributes:
        name: for people, "worker 1".
        facts: what it said of itself when it became ready, and with its latest heartbeat.
        sentence: why it gave up, where it said so; else "".
        over: done once the process has ended; its result is the exit status, negative for a signal.
    """

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter, clock: Clock
    ) -> None:
        self.name = name
        self.pid = process.pid
        self.started_s = self.heard_s = clock.now_s()
        self.heard_once = False
        self.facts: Message = {}
        self.sentence = ""
        self._process = process
        self._writer = writer
        self._clock = clock
        self._serves = asyncio.Event()
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0
        self.over: asyncio.Task[int]

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        order: Mapping[str, Any],
        *,
        environ: Mapping[str, str],
        listeners: Sequence[socket.socket],
        http_listeners: Sequence[socket.socket],
        clock: Clock,
        on_word: OnWord,
    ) -> "Child":
        """Start a process that inherits the listeners and one end of a channel, and give it its order.

        Raises:
            OSError: no process can be started.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            agi, http = ([one.fileno() for one in given] for given in (listeners, http_listeners))
            fds = [theirs.fileno(), *agi, *http]
            arguments = ["--channel", str(fds[0]), "--listen", _listed(agi), "--http-listen", _listed(http)]
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    *arguments,
                    env=dict(environ),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=fds,
                    start_new_session=True,  # a terminal's Ctrl-C and hangup are the parent's to deal with
                )
            except BaseException:
                ours.close()
                raise
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MAX_CHANNEL_LINE_BYTES)
        except BaseException:
            process.kill()
            raise
        child = cls(name, process, writer, clock)
        child.over = asyncio.create_task(child._live(reader, on_word), name=name)
        child.tell({"do": "start", **order})
        return child

    async def _live(self, reader: asyncio.StreamReader, on_word: OnWord) -> int:
        await self._listen(reader, on_word)
        status = await self._process.wait()
        self._writer.close()
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(ControlError(f"{self.name} ended before it answered"))
        return status

    async def _listen(self, reader: asyncio.StreamReader, on_word: OnWord) -> None:
        try:
            while line := await reader.readline():
                self._take(decode(line), on_word)
        except ConnectionError:
            return  # it has gone with words of ours unread; how it ended tells why
        except Exception as error:  # noqa: BLE001 - what cannot be read is silence, and silence is dealt with
            self.sentence = f"it cannot be understood: {type(error).__name__}: {error}"

    def _take(self, word: Message, on_word: OnWord) -> None:
        self.heard_s, self.heard_once = self._clock.now_s(), True
        match word.pop("say", ""):
            case "alive":
                self.facts.update(word)
            case "ready":
                self.facts.update(word)
                self._serves.set()
                on_word(self, {"say": "ready"})
            case "failed":
                self.sentence = str(word.get("sentence", ""))
            case "done":
                self._take_reply(word)
            case other:
                on_word(self, {**word, "say": other})

    def _take_reply(self, word: Message) -> None:
        reply = self._replies.pop(int(word.pop("id")), None)
        if reply is None or reply.done():
            return
        if "error" in word:
            reply.set_exception(ControlError(str(word["error"])))
        else:
            reply.set_result(word)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Say something to the child; what it does not read waits in memory until it is replaced."""
        if not self._writer.is_closing():
            self._writer.write(encode(dict(message), MAX_CHANNEL_LINE_BYTES))

    async def ask(self, message: Mapping[str, Any], within_s: float) -> Message:
        """Say something and return the answer.

        Raises:
            ControlError: the child refused, ended or did not answer in time.
        """
        self._last_id += 1
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._replies[self._last_id] = reply
        self.tell({**message, "id": self._last_id})
        await asyncio.wait({reply}, timeout=within_s)
        if not reply.done():
            reply.cancel()
            raise ControlError(f"{self.name} did not answer {message.get('do')!r} within {within_s:g} s")
        return reply.result()

    @property
    def ready(self) -> bool:
        """Tell whether it said that it serves, and is still there."""
        return self._serves.is_set() and not self.over.done()

    async def serves_within(self, within_s: float) -> bool:
        """Wait until it serves; False where it ended, or did not say so in time."""
        serves = asyncio.create_task(self._serves.wait())
        await asyncio.wait({serves, self.over}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        serves.cancel()
        return self.ready

    def silent_for_s(self) -> float:
        """Return for how long nothing was heard; 0 while it starts and has never been heard."""
        now_s = self._clock.now_s()
        if not self.heard_once and now_s - self.started_s < START_S:
            return 0.0
        return now_s - self.heard_s

    def excuse_silence(self, for_s: float) -> None:
        """Leave so many seconds out of the count: in them it was we who did not listen."""
        self.heard_s = min(self.heard_s + for_s, self._clock.now_s())

    def lived_s(self) -> float:
        """Return for how long it has been there."""
        return self._clock.now_s() - self.started_s

    async def kill_with_stacks(self) -> None:
        """End a child that hangs, after it had a moment to write where it hangs."""
        self._signal(STACKS_SIGNAL)
        await asyncio.sleep(STACKS_S)
        await self.kill()

    async def kill(self) -> None:
        """End the child at once, and wait until it has."""
        self.end_at_once()
        await asyncio.wait({self.over})

    def end_at_once(self) -> None:
        """Kill the child, without waiting for its end."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.over.done():
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def leave(self, within_s: float, grace_s: float) -> bool:
        """Let the child finish what it has in hand.

        Returns:
            False where it did not end within `within_s` + `grace_s` and was killed.
        """
        self.tell({"do": "drain", "within_s": within_s})
        done, _ = await asyncio.wait({self.over}, timeout=within_s + grace_s)
        if not done:
            await self.kill()
        return bool(done)


def _listed(descriptors: Sequence[int]) -> str:
    return ",".join(map(str, descriptors))
