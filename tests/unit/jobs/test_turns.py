"""Turn after turn: what stirs shortens a rest, and trouble is told once and ends nothing."""

import asyncio
from collections.abc import Callable

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.jobs import turns
from fallbackrouter.jobs.turns import Turns

pytestmark = pytest.mark.anyio

SAFE_S = 60.0


class Job:
    """Does in each turn what comes next, and rests until it is stirred."""

    def __init__(self, *doing: Exception | None) -> None:
        self.doing = list(doing)
        self.troubles: list[str] = []
        self.errors: list[Exception] = []
        self.turns = Turns(self._turn, on_trouble=self.troubles.append, on_error=self.errors.append)

    async def _turn(self) -> float:
        error = self.doing.pop(0)
        if error is not None:
            raise error
        return 3600.0

    async def until(self, done: Callable[[], bool], *, stirred: bool = False) -> None:
        running = asyncio.create_task(self.turns.run())
        async with asyncio.timeout(SAFE_S):
            while not done():
                if stirred:
                    self.turns.stir()
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait({running})


async def test_what_stirs_ends_a_rest() -> None:
    job = Job(*[None] * 5)
    await job.until(lambda: not job.doing, stirred=True)


async def test_an_undisturbed_rest_is_taken() -> None:
    job = Job(None, None)
    running = asyncio.create_task(job.turns.run())
    await asyncio.sleep(0.05)
    assert len(job.doing) == 1
    running.cancel()
    await asyncio.wait({running})


async def test_trouble_is_told_once_each_time_that_it_begins_and_its_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TROUBLE_S", 0.0)
    job = Job(StoreError("locked"), StoreError("locked still"), None, None, StoreError("full"), None)
    await job.until(lambda: not job.doing, stirred=True)
    assert job.troubles == ["locked", "", "full", ""]
    assert job.errors == []


async def test_a_mistake_of_our_own_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TROUBLE_S", 0.0)
    mistake = ValueError("ours")
    job = Job(mistake, None)
    await job.until(lambda: not job.doing, stirred=True)
    assert (job.errors, job.troubles) == ([mistake], [])
