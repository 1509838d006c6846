"""HTTP/1.1 as fakes speak it: requests read, answers written, nothing checked."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case, `body` None where it was no JSON object."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None

    @property
    def stage(self) -> str:
        return self.path.rpartition("/")[2]


async def read_request(reader: asyncio.StreamReader) -> Asked:
    """Read one request.

    Raises:
        asyncio.IncompleteReadError: the client went away first.
    """
    head_block = await reader.readuntil(b"\r\n\r\n")
    lines = head_block.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    data = await reader.readexactly(int(headers.get("content-length", "0")))
    body = None
    with suppress(ValueError):
        body = json.loads(data)
    return Asked(method, path, headers, body if isinstance(body, dict) else None)


def head(status: int, length: int | None, *lines: str, kind: str = "application/json") -> bytes:
    """Return an answer's head; without a length the connection's end is the answer's."""
    framing = [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Type: {kind}", *framing, *lines, "", ""]).encode()


def whole(body: bytes, status: int = 200, *lines: str, kind: str = "application/json") -> bytes:
    """Return a complete answer."""
    return head(status, len(body), *lines, kind=kind) + body
