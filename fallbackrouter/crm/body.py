"""An answer's body: uncompressed, and bounded in bytes, in pieces and on the wire."""

import asyncio
from contextlib import aclosing

import httpx2

from fallbackrouter.core.verdict import Invalid
from fallbackrouter.crm.stream import Stream

MAX_PIECES = 512
"""The most pieces that an answer may come in; a body of 64 KiB takes some 50."""
PIECES_A_TURN = 16
"""After so many pieces others run: one read brings hundreds of them, which would take 10 ms of everyone's time."""
WIRE_SHARE = 2
"""How many bytes on the wire one byte of an answer may take: chunks and encryption have a price."""


def not_plain(encoding: str) -> Invalid | None:
    """Return why an answer with this `Content-Encoding`, "" without one, may not be read; None where it may."""
    if encoding.strip().lower() in ("", "identity"):
        return None
    return Invalid("the answer is compressed, which was not asked for")


class Gathered:
    """A body, piece by piece."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._body = bytearray()
        self.pieces = 0

    def add(self, piece: bytes) -> Invalid | None:
        """Take a piece, and return why no more may be read; None where it may."""
        self._body += piece
        self.pieces += 1
        if len(self._body) > self._max_bytes:
            return Invalid(f"the answer is longer than {self._max_bytes} bytes")
        if self.pieces > MAX_PIECES:
            return Invalid(f"the answer comes in more than {MAX_PIECES} pieces")
        return None

    @property
    def whole(self) -> bytes:
        """All pieces."""
        return bytes(self._body)


async def read_body(response: httpx2.Response, max_bytes: int) -> bytes | Invalid:
    """Return an answer's body, or why it may not be read; whoever calls closes the answer.

    Raises:
        httpcore2.NetworkError, httpcore2.ProtocolError: the connection or the peer failed on the way.
    """
    compressed = not_plain(response.headers.get("content-encoding", ""))
    if compressed is not None:
        return compressed
    stream = response.extensions["network_stream"]
    if isinstance(stream, Stream):
        stream.allow(WIRE_SHARE * max_bytes)
    gathered = Gathered(max_bytes)
    async with aclosing(response.aiter_raw()) as received:
        async for piece in received:
            refused = gathered.add(piece)
            if refused is not None:
                return refused
            if gathered.pieces % PIECES_A_TURN == 0:
                await asyncio.sleep(0)
    return gathered.whole
