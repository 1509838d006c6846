"""The process that makes the configuration ready is always gone in the end."""

import asyncio
import sys

import pytest

from fallbackrouter.daemon.plan import end_at_once

pytestmark = pytest.mark.anyio


async def test_a_process_that_has_ended_meanwhile_is_ended_without_a_word() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdin=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    end_at_once(process)


async def test_a_process_that_goes_on_is_ended() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "600", stdin=asyncio.subprocess.DEVNULL)
    end_at_once(process)
    assert await process.wait() == -9
