"""Reads an answer's body: uncompressed, and bounded in bytes, in pieces and on the wire."""

import asyncio
from collections.abc import AsyncIterable
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


async def read_body(response: httpx2.Response, max_bytes: int) -> bytes | Invalid:
    """Return an answer's body; see `read_parts`."""
    encoding = response.headers.get("content-encoding", "")
    async with aclosing(response.aiter_raw()) as received:
        return await read_parts(received, encoding, response.extensions["network_stream"], max_bytes)


async def read_parts(parts: AsyncIterable[bytes], encoding: str, stream: object, max_bytes: int) -> bytes | Invalid:
    """Return the body, or why it may not be read; whoever calls closes the answer.

    Args:
        encoding: the answer's `Content-Encoding`, "" without one.
        stream: what the body comes in by.

    Raises:
        httpcore2.NetworkError, httpcore2.ProtocolError: the connection or the peer failed on the way.
    """
    if encoding.strip().lower() not in ("", "identity"):
        return Invalid("the answer is compressed, which was not asked for")
    if isinstance(stream, Stream):
        stream.allow(WIRE_SHARE * max_bytes)
    body, pieces = bytearray(), 0
    async for piece in parts:
        body += piece
        pieces += 1
        if len(body) > max_bytes:
            return Invalid(f"the answer is longer than {max_bytes} bytes")
        if pieces > MAX_PIECES:
            return Invalid(f"the answer comes in more than {MAX_PIECES} pieces")
        if pieces % PIECES_A_TURN == 0:
            await asyncio.sleep(0)
    return bytes(body)
