"""A CRM that takes events and does nothing else: prints its port, then the seconds from the first event to the last.

Usage: python -m benchmarks.taker COUNT. It serves until it is killed.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":true}'
EVENT = b"Idempotency-Key:"


class Count:
    """Counts events, and prints how long so many of them took."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0
        self._begun_s = 0.0

    def one_more(self) -> None:
        """Count an event."""
        if not self._seen:
            self._begun_s = time.perf_counter()
        self._seen += 1
        if self._seen == self._most:
            print(time.perf_counter() - self._begun_s, flush=True)


class Taker(asyncio.Protocol):
    """One connection; a request comes in one piece or in two, its head and its body."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._data += data
        while (whole := self._whole()) is not None:
            if EVENT.lower() in self._data[:whole].lower():
                self._count.one_more()
            self._data = self._data[whole:]
            self._transport.write(ANSWER)

    def _whole(self) -> int | None:
        """Return where the first request ends, None where it is not all there."""
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return None
        lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        return len(head) + len(end) + length if len(rest) >= length else None


async def main() -> None:
    """Serve."""
    count = Count(int(sys.argv[1]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Taker(count), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
