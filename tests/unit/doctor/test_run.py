"""A check under its deadline: nothing that hangs or breaks goes untold."""

import asyncio
import threading

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.doctor.finding import Finding, fail, failed_by, ok
from fallbackrouter.doctor.run import Check, in_thread, run

pytestmark = pytest.mark.anyio


def check(name: str, within_s: float, look: object) -> Check:
    return Check(name, within_s, "do this", look)  # type: ignore[arg-type]


async def test_what_a_check_found_is_told() -> None:
    async def looks() -> list[Finding]:
        return [ok("a", await in_thread(lambda: "seen")), ok("a", "again")]

    assert [finding.what for finding in await run(check("a", 20, looks))] == ["seen", "again"]


async def test_what_hangs_fails_at_its_deadline() -> None:
    cancelled = asyncio.Event()

    async def hangs() -> list[Finding]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return []

    assert await run(check("hung", 0.05, hangs)) == [fail("hung", "no result within 0.05 s", "do this")]
    async with asyncio.timeout(60):
        await cancelled.wait()


async def test_a_thread_that_hangs_is_left_behind() -> None:
    let_go = threading.Event()

    async def hangs() -> list[Finding]:
        await in_thread(let_go.wait)
        return []

    [hung] = await run(check("hung", 0.05, hangs))
    assert hung.level == "fail"
    assert not let_go.is_set()
    let_go.set()


async def test_what_breaks_is_told() -> None:
    async def refused() -> list[Finding]:
        raise StoreError("the file is locked; wait")

    async def broken() -> list[Finding]:
        return [ok("broken", await in_thread(lambda: {"a": "b"}["key"]))]

    found = [*await run(check("refused", 20, refused)), *await run(check("broken", 20, broken))]
    assert [finding.level for finding in found] == ["fail", "fail"]
    assert (found[0].what, found[0].remedy) == ("the file is locked", "wait")
    assert "KeyError" in found[1].what


def test_a_refusal_without_a_remedy_of_its_own_gets_one() -> None:
    found = failed_by("x", StoreError("the file is gone"))
    assert found.what == "the file is gone"
    assert found.remedy
