"""Waiting, on the loop, for what has to come."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], what: str = "what is waited for", within_s: float = 120.0) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it did not in that time.
    """
    try:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {within_s:g} s") from None
