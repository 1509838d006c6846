"""A body in many pieces, as one read of a peer's tiny chunks brings them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import httpx2
import pytest

from fallbackrouter.crm.body import MAX_PIECES, PIECES_A_TURN, read_body

pytestmark = pytest.mark.anyio


async def test_others_run_while_many_pieces_are_read() -> None:
    turn = 0
    pieces_in: Counter[int] = Counter()

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_PIECES):
            pieces_in[turn] += 1
            yield b" "

    running = asyncio.create_task(others())
    response = httpx2.Response(200, content=pieces(), extensions={"network_stream": None})
    body = await read_body(response, MAX_PIECES)
    running.cancel()
    assert body == b" " * MAX_PIECES
    assert max(pieces_in.values()) <= PIECES_A_TURN
