"""Runs a check under its deadline, whatever it waits for; what it raises becomes a finding too."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.doctor.finding import Finding, fail, failed_by

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at.

    Attributes:
        within_s: how long it may take.
        late: the remedy where it takes longer.
    """

    name: str
    within_s: float
    late: str
    look: Callable[[], Coroutine[Any, Any, list[Finding]]]


async def run(check: Check) -> list[Finding]:
    """Return what a check found; never raises but CancelledError."""
    task = asyncio.create_task(check.look(), name=f"check {check.name}")
    await asyncio.wait({task}, timeout=check.within_s)
    if not task.done():
        task.cancel()
        return [fail(check.name, f"no result within {check.within_s:g} s", check.late)]
    try:
        return task.result()
    except FallbackrouterError as error:
        return [failed_by(check.name, error)]
    except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others found
        what = f"the check itself broke ({type(error).__name__}: {error})"
        return [fail(check.name, what, "report this as a bug of fallbackrouter")]


async def in_thread(work: Callable[[], T]) -> T:
    """Do what may stall in a thread of its own; one that hangs is left behind, and holds up no exit.

    Raises:
        Exception: whatever the work raises.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()
    threading.Thread(target=_work, args=(work, loop, result), name="doctor", daemon=True).start()
    return await result


def _work(work: Callable[[], T], loop: asyncio.AbstractEventLoop, result: "asyncio.Future[T]") -> None:
    settle: Callable[[], None]
    try:
        settle = partial(result.set_result, work())
    except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
        settle = partial(result.set_exception, error)
    with suppress(RuntimeError):  # the loop has ended: nobody waits any more
        loop.call_soon_threadsafe(lambda: None if result.done() else settle())
