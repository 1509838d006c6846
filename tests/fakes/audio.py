"""A server of audio on loopback, as bad as it is told to be."""

import asyncio
import io
import math
import struct
import threading
import wave
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

from tests.fakes.http import Asked, head, read_request, whole

ETAG = '"one"'
MODIFIED = "Tue, 03 Mar 2026 09:00:00 GMT"
POURING = ("gigabyte", "endless")
CHUNK = b"\0" * 65_536


def tone(seconds: float = 1.0, hertz: float = 440.0, rate: int = 8_000) -> bytes:
    """A wav that holds a tone."""
    return wav([math.sin(2 * math.pi * hertz * at / rate) for at in range(int(seconds * rate))], rate)


def sweep(seconds: float = 2.0, rate: int = 8_000) -> bytes:
    """A wav whose tone rises from 300 to 2,000 Hz, so that each moment sounds unlike all others."""
    rise = (2_000 - 300) / seconds
    return wav([math.sin(2 * math.pi * (300 + rise * at / rate / 2) * at / rate) for at in range(int(seconds * rate))])


def wav(samples: Sequence[float], rate: int = 8_000) -> bytes:
    """A wav of samples from -1 to 1."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", round(12_000 * sample)) for sample in samples))
    return made.getvalue()


class FakeAudio:
    """Serves `/mode/…`; what a file holds stands in `body`."""

    def __init__(self) -> None:
        self.body = tone()
        self.etag = ETAG
        self.asked: list[Asked] = []
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    def url(self, mode: str = "good", name: str = "hello.wav") -> str:
        return f"http://127.0.0.1:{self.port}/{mode}/{name}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeAudio"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                asked = await read_request(reader)
                self.asked.append(asked)
                await self._answer(asked, asked.path.split("/")[1], writer)
                await writer.drain()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _answer(self, asked: Asked, mode: str, writer: asyncio.StreamWriter) -> None:
        if mode == "trickle":
            await self._trickle(writer)
        writer.write(self._same(asked, mode) or self._whole(mode))
        if mode in POURING:
            await self._pour(writer)

    def _same(self, asked: Asked, mode: str) -> bytes:
        known = {"good": ("if-none-match", self.etag), "dated": ("if-modified-since", MODIFIED)}
        name, value = known.get(mode, ("", ""))
        return head(304, None, f"ETag: {self.etag}") if name and asked.headers.get(name) == value else b""

    def _whole(self, mode: str) -> bytes:
        answers = {
            "good": whole(self.body, 200, f"ETag: {self.etag}", kind="audio/wav"),
            "dated": whole(self.body, 200, f"Last-Modified: {MODIFIED}", kind="audio/x-wav"),
            "gigabyte": head(200, 1_000_000_000, kind="audio/wav") + self.body,
            "endless": head(200, None, "Connection: close", kind="audio/wav") + self.body,
            "html": whole(b"<html>log in</html>", kind="text/html"),
            "liar": whole(b"<html>log in</html>" * 100, kind="audio/mpeg"),
            "garbage": whole(self.body[:44] + bytes(range(256)) * 40, kind="audio/wav"),
            "flac": whole(b"fLaC" + bytes(range(256)) * 400, kind="audio/flac"),
            "moved": head(302, 0, "Location: http://127.0.0.1:9/"),
        }
        return answers.get(mode, whole(b"", 404))

    async def _trickle(self, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, None, "Connection: close", kind="audio/wav"))
        while True:
            writer.write(b"R")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def _pour(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(CHUNK)
            await writer.drain()


@contextmanager
def audio_thread() -> Iterator[FakeAudio]:
    """Serve audio on a loop in a thread of its own."""
    served, ready, over = FakeAudio(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with served.running():
            ready.set()
            await over.wait()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield served
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)
        loop.close()
