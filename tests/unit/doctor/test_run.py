"""Checks side by side: nothing that hangs or breaks holds up the others."""

import asyncio
import threading

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.doctor.finding import Finding, fail, failed_by, ok
from fallbackrouter.doctor.run import Check, in_thread, run

pytestmark = pytest.mark.anyio


def check(name: str, within_s: float, look: object) -> Check:
    return Check(name, within_s, "do this", look)  # type: ignore[arg-type]


async def test_checks_run_side_by_side_and_are_told_in_their_order() -> None:
    met = asyncio.Event()

    async def waits() -> list[Finding]:
        await met.wait()
        return [ok("first", "met")]

    async def comes() -> list[Finding]:
        met.set()
        return [ok("second", "came"), ok("second", "again")]

    found = await run([check("first", 20, waits), check("second", 20, comes)])
    assert [finding.what for finding in found] == ["met", "came", "again"]


async def test_what_hangs_fails_at_its_deadline() -> None:
    cancelled = asyncio.Event()

    async def hangs() -> list[Finding]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return []

    assert await run([check("hung", 0.05, hangs)]) == [fail("hung", "no result within 0.05 s", "do this")]
    async with asyncio.timeout(20):
        await cancelled.wait()


async def test_a_thread_that_hangs_is_left_behind() -> None:
    let_go = threading.Event()

    async def hangs() -> list[Finding]:
        await in_thread(let_go.wait)
        return []

    [hung] = await run([check("hung", 0.05, hangs)])
    assert hung.level == "fail"
    assert not let_go.is_set()
    let_go.set()


async def test_what_breaks_is_told_and_the_others_go_on() -> None:
    async def refused() -> list[Finding]:
        raise StoreError("the file is locked; wait")

    async def broken() -> list[Finding]:
        return [ok("broken", await in_thread(lambda: {"a": "b"}["key"]))]

    async def well() -> list[Finding]:
        return [ok("well", await in_thread(lambda: threading.current_thread().name))]

    found = await run([check("refused", 20, refused), check("broken", 20, broken), check("well", 20, well)])
    assert [finding.level for finding in found] == ["fail", "fail", "ok"]
    assert (found[0].what, found[0].remedy) == ("the file is locked", "wait")
    assert "KeyError" in found[1].what


def test_a_refusal_without_a_remedy_of_its_own_gets_one() -> None:
    found = failed_by("x", StoreError("the file is gone"))
    assert found.what == "the file is gone"
    assert found.remedy
