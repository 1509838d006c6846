"""Threads for what blocks, so that the event loop of this process never does: few, and with a bounded queue."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class CrowdedError(Exception):
    """So much is asked for at once that this has to be tried again later."""

    def __init__(self) -> None:
        super().__init__("too much is asked for at once; try again in a moment")


class Threads:
    """A few threads with a bounded queue.

    Args:
        name: for stacks and logs.
        count: how many pieces of work are done at once.
        waiting: how many may wait beside them.
    """

    def __init__(self, name: str, count: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._most = count + waiting
        self._held = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in a thread. Whoever stops waiting leaves the work to end by itself, still counted.

        Raises:
            CrowdedError: too much waits already.
        """
        if self._held >= self._most:
            raise CrowdedError
        return await asyncio.wrap_future(self.begin(work, *args, **kwargs))

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin what has to be done in any case, and wait for nothing."""
        self._held += 1
        future = self._pool.submit(work, *args, **kwargs)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _quietly(loop, self._done))
        return future

    def _done(self) -> None:
        self._held -= 1

    def close(self) -> None:
        """Begin nothing more; what runs is left behind."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _quietly(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)
