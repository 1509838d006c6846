"""Routes for benchmarks: a feed of customers, a file of it, its sync, and a CRM that serves it."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import msgspec

Row = dict[str, object]


def rows(count: int) -> Iterator[Row]:
    """Yield a feed as customers' lists are: a number each, every third with a caller, every tenth with hours."""
    dice = random.Random(7)
    for nth in range(count):
        row: Row = {"id": f"client-{nth}", "did": did_of(nth), "result": result(dice)}
        if nth % 3 == 0:
            row["caller"] = f"79{dice.randrange(10**9):09d}"
        if nth % 10 == 0:
            row |= {"when": "09:00-18:00,mon-fri,*,*", "timezone": "Europe/Moscow"}
        yield row


def did_of(nth: int) -> str:
    """Return a number, scattered over ten million."""
    return f"7495{nth * 7919 % 10**7:07d}"


def for_all(nth: int) -> bool:
    """Tell whether a row is for any caller at any hour."""
    return bool(nth % 3 and nth % 10)


def result(dice: random.Random) -> dict[str, str]:
    """Return where a call goes."""
    return {"app": "group", "num": str(dice.randrange(100, 999)), "time": "60"}


def write_feed(path: Path, count: int) -> None:
    """Write a feed with a row a line."""
    with path.open("wb") as out:
        for row in rows(count):
            out.write(msgspec.json.encode(row) + b"\n")
        out.write(b'{"full": true}\n')


def sync(folder: Path, feed: Path) -> tuple[float, float]:
    """Return the seconds and the peak MiB of `fallbackrouter sync --from`, its start included."""
    begun = perf_counter()
    config = str(folder / "fallbackrouter.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "fallbackrouter", "sync", "--config", config, "--from", str(feed), "--force"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the sync failed with status {status}")
    return perf_counter() - begun, usage.ru_maxrss / 1024


class Feed:
    """Takes deltas by the same way as a CRM's: a server that answers one page."""

    def __init__(self, body: Callable[[], bytes]) -> None:
        self._body = body
        self.port = 0

    async def serve(self, started: Callable[[], None]) -> None:
        """Listen until cancelled."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started()
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                body = self._body()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()
