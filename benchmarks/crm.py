"""A CRM that answers every question at once: prints its port, and serves until it is killed.

    python benchmarks/crm.py

GET /took tells as JSON how long it took from a question's last byte to its answer, in ms: the median of the latest
questions since it was last asked that.
"""

import asyncio
import json
import time
from collections import deque
from statistics import median
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
BODY = b'{"status":true,"result":{"app":"group","num":"62","time":"100"}}'
ANSWER = HEAD % len(BODY) + BODY
LENGTH = b"content-length:"
MOST_TOOK = 100_000
"""Of so many questions, the latest, the time is kept: a benchmark asks millions."""


class Crm(asyncio.Protocol):
    """One connection.

    Args:
        took: gets each question's time in s.
    """

    def __init__(self, took: deque[float]) -> None:
        self._took = took
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        came_s = time.perf_counter()
        self._data += data
        while (whole := self._whole()) is not None:
            request, self._data = self._data[:whole], self._data[whole:]
            self._transport.write(self._answer(request))
            if request.startswith(b"POST"):
                self._took.append(time.perf_counter() - came_s)

    def _whole(self) -> int | None:
        """Return where the first request ends, None where it is not all there."""
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return None
        _, named, rest = self._data[:end].lower().partition(LENGTH)
        whole = end + 4 + (int(rest.partition(b"\r\n")[0]) if named else 0)
        return whole if len(self._data) >= whole else None

    def _answer(self, request: bytes) -> bytes:
        if request.startswith(b"HEAD"):
            return HEAD % len(BODY)
        if request.startswith(b"GET"):
            told = json.dumps({"ms": median(self._took) * 1000 if self._took else 0.0}).encode()
            self._took.clear()
            return HEAD % len(told) + told
        return ANSWER


async def main() -> None:
    """Serve."""
    took: deque[float] = deque(maxlen=MOST_TOOK)
    server = await asyncio.get_running_loop().create_server(lambda: Crm(took), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
