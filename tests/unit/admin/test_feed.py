"""A feed: read once for all, only while somebody watches; a slow one loses the oldest and hears of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from fallbackrouter.admin.feed import Event, Feed, Told, Viewer
from fallbackrouter.admin.pages.words import Words
from fallbackrouter.core.errors import StoreError

pytestmark = pytest.mark.anyio
WITHIN_S = 60


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Number:
    """Something to tell."""

    count: int

    def events(self, words: Words, behind: int) -> Sequence[Event]:
        return [("number", f"{self.count}")]


class Source:
    """Reads 1, 2, 3…, unless it is told to fail."""

    def __init__(self) -> None:
        self.read = 0
        self.failure: Exception | None = None

    async def __call__(self) -> Told | None:
        self.read += 1
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return Number(self.read)


async def first_of(viewer: Viewer) -> int:
    async with asyncio.timeout(WITHIN_S):
        await viewer.some()
    return viewer.take()[0][0].count


async def test_it_is_read_once_for_all_and_not_without_anybody() -> None:
    source = Source()
    feed = Feed("test", source, every_s=3600, most=10)
    await asyncio.sleep(0)
    assert source.read == 0
    one, other = feed.join(), feed.join()
    assert (await first_of(one), await first_of(other)) == (1, 1)
    assert source.read == 1
    feed.leave(one)
    feed.leave(other)
    await asyncio.sleep(0)
    again = feed.join()
    assert await first_of(again) == 2
    feed.leave(again)


@pytest.mark.parametrize("failure", [StoreError("no journal"), ValueError("our own mistake")])
async def test_a_reading_that_fails_is_not_the_last(failure: Exception) -> None:
    source = Source()
    source.failure = failure
    feed = Feed("test", source, every_s=0, most=10)
    viewer = feed.join()
    assert await first_of(viewer) >= 2
    feed.leave(viewer)


async def test_who_is_slow_loses_the_oldest_and_is_told_how_much() -> None:
    viewer = Viewer(most=2)
    for count in (5, 6, 7, 8):
        viewer.put(Number(count))
    held, lost = viewer.take()
    assert ([told.count for told in held], lost) == ([7, 8], 11)
    assert viewer.take() == ([], 0)


async def test_who_comes_later_is_told_what_it_missed() -> None:
    feed = Feed("test", Source(), every_s=3600, most=10, greet=lambda: Number(99))
    viewer = feed.join()
    assert await first_of(viewer) == 99
    feed.leave(viewer)
