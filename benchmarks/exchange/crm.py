"""A CRM that answers every question the same, and costs next to nothing: prints its port, serves until it is killed.

Usage: python benchmarks/exchange/crm.py. `/late…` is answered after 50 ms, any other path at once; `….json` in JSON,
any other path as one line of values, which a shell and Asterisk's CURL() can split.
"""

import asyncio
import json
from typing import cast

import uvloop

DELAY_S = 0.05
ANSWER = {
    "app": "group",
    "num": "62",
    "time": "100",
    "auto": "",
    "audio1": "",
    "text": "",
    "digium": "",
    "select": "",
    "FR_SOURCE": "crm",
    "FR_RULE": "client-1",
    "FR_DECISION": "01a20705-b361-7000-971d-c8cbdffefa63",
    "FR_STATUS": "ok",
    "FR_DEST": "",
}
"""The same variables as the router sets."""


def _written(kind: str, body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


AS_LINE = _written("text/plain", ",".join(ANSWER.values()))
AS_JSON = _written("application/json", json.dumps({"status": True, "result": ANSWER}))


class Crm(asyncio.Protocol):
    """One connection, of which nobody sends a question before the one before is answered."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Answer a GET whose head is whole."""
        self._data += data
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if end and self._transport is not None:
            self._data = rest
            first, *others = head.lower().split(b"\r\n")
            path = first.split(b" ")[1].partition(b"?")[0]
            keep = not first.endswith(b"/1.0") and b"connection: close" not in others
            answer = AS_JSON if path.endswith(b".json") else AS_LINE
            if path.startswith(b"/late"):
                asyncio.get_running_loop().call_later(DELAY_S, self._send, answer, keep)
            else:
                self._send(answer, keep)

    def _send(self, answer: bytes, keep: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)
            if not keep:
                self._transport.close()


async def main() -> None:
    """Serve."""
    server = await asyncio.get_running_loop().create_server(Crm, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
