"""The reader of a connection: the same lines however the bytes come, and every wait has an end."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fallbackrouter.fastagi.connection import MAX_LINE_BYTES, Reader

pytestmark = pytest.mark.anyio

LINES = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")), max_size=6)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut bytes at these places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True) if end > start]


async def all_lines(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    """Read lines while the pieces come in; returns them and what was left without an end."""
    reader = Reader(asyncio.get_running_loop())
    lines: list[bytes] = []

    async def read() -> bytes:
        while True:
            try:
                lines.append(await reader.readuntil(b"\n"))
            except asyncio.IncompleteReadError as error:
                return error.partial

    reading = asyncio.create_task(read())
    for piece in pieces:
        await asyncio.sleep(0)
        reader.feed_data(piece)
    reader.feed_eof()
    return lines, await reading


@settings(deadline=None)
@given(LINES, st.binary(max_size=20), st.lists(st.integers(0, 400), max_size=8))
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], tail: bytes, places: list[int]) -> None:
    tail = tail.replace(b"\n", b"")
    data = b"".join(line + b"\n" for line in lines) + tail
    assert asyncio.run(all_lines(cut(data, places))) == ([line + b"\n" for line in lines], tail)


async def test_a_broken_connection_ends_every_wait() -> None:
    reader = Reader(asyncio.get_running_loop())
    reading = asyncio.create_task(reader.readuntil(b"\n"))
    await asyncio.sleep(0)
    reader.set_exception(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError):
        await reading
    with pytest.raises(ConnectionResetError):
        await reader.read(10)


async def test_a_line_without_an_end_is_bounded() -> None:
    reader = Reader(asyncio.get_running_loop())
    for _ in range(20):
        reader.feed_data(b"x" * MAX_LINE_BYTES)
    with pytest.raises(asyncio.LimitOverrunError):
        await reader.readuntil(b"\n")
    held = 0
    reader.feed_eof()
    while data := await reader.read(1000):
        held += len(data)
    assert held <= 2 * MAX_LINE_BYTES


async def test_read_returns_what_is_there_and_nothing_at_the_end() -> None:
    reader = Reader(asyncio.get_running_loop())
    reader.feed_data(b"abc")
    assert await reader.read(2) == b"ab"
    assert await reader.read(2) == b"c"
    reading = asyncio.create_task(reader.read(2))
    await asyncio.sleep(0)
    reader.feed_eof()
    assert await reading == b""
