"""Asks a web server at a fixed rate, as many browsers do: `python -m benchmarks.asker PORT PER_SECOND SECONDS < PLAN`.

The plan is JSON: `paths`, asked in turn, and `headers`. Prints as JSON how many requests were `asked`, how many were
`answered`, how many of those were no answer that a reader wants (`refused`: a status of 400 or more), and how many
were put off, as every connection was waiting for an answer (`late`). It has nearly as many as the console takes. It
runs at the console's own priority: browsers are on other machines, and here they take the time of the calls that are
measured.
"""

import asyncio
import json
import os
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast

import uvloop

CONNECTIONS, MOST_CONNECTIONS = 64, 400
"""At first, and where all of those wait for answers; the console takes 500."""
TICK_S = 0.002
NICER = 10
GRACE_S = 5.0


@dataclass
class Counts:
    """What became of the requests."""

    asked: int = 0
    answered: int = 0
    refused: int = 0
    late: int = 0


@dataclass
class Asker:
    """Keeps connections to a server, and asks on those that are free."""

    port: int
    requests: list[bytes]
    counts: Counts = field(default_factory=Counts)
    free: deque["Line"] = field(default_factory=deque)
    opened: int = 0
    opening: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self) -> None:
        """Open one more connection."""
        self.opened += 1
        await asyncio.get_running_loop().create_connection(lambda: Line(self), "127.0.0.1", self.port)

    def replace(self) -> None:
        """Open a connection in the place of one that was ended."""
        self.opened -= 1
        self._open()

    def _open(self) -> None:
        task = asyncio.get_running_loop().create_task(self.connect())
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def run(self, per_second: float, seconds: float) -> None:
        """Ask at a rate, for a while."""
        await asyncio.gather(*(self.connect() for _ in range(CONNECTIONS)))
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < seconds:
            self._catch_up(int(passed * per_second))
            await asyncio.sleep(TICK_S)
        self.counts.late = int(seconds * per_second) - self.counts.asked
        for _ in range(int(GRACE_S / TICK_S)):
            if self.counts.answered == self.counts.asked:
                break
            await asyncio.sleep(TICK_S)

    def _catch_up(self, planned: int) -> None:
        while self.free and self.counts.asked < planned:
            line = self.free.popleft()
            line.ask(self.requests[self.counts.asked % len(self.requests)])
            self.counts.asked += 1
        wanted = min(planned - self.counts.asked, MOST_CONNECTIONS - self.opened - len(self.opening))
        for _ in range(wanted):
            self._open()


class Line(asyncio.Protocol):
    """One connection, with one request at a time; where the server ends it, another takes its place."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready to ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._asker.free.append(self)

    def ask(self, request: bytes) -> None:
        """Send a request."""
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read to the end of the answer's head, and count its body."""
        if self._left < 0:
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._left = _length(head) - len(rest)
        else:
            self._left -= len(data)
        if self._left <= 0:
            self._answered()

    def _answered(self) -> None:
        self._asker.counts.answered += 1
        self._asker.counts.refused += self._head[9:10] in b"45"
        self._head, self._left = b"", -1
        self._asker.free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave, and have another come."""
        del exc
        self._transport = None
        if self in self._asker.free:
            self._asker.free.remove(self)
        self._asker.replace()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def main(port: int, per_second: float, seconds: float) -> None:
    """Ask, and print the counts."""
    os.nice(NICER)
    plan = json.load(sys.stdin)
    headers = "".join(f"{name}: {value}\r\n" for name, value in plan["headers"].items())
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n".encode() for path in plan["paths"]]
    asker = Asker(port, requests)
    uvloop.run(asker.run(per_second, seconds))
    print(json.dumps(vars(asker.counts)))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
