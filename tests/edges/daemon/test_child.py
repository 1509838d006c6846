"""A child that goes is told by how it ended, whatever it left unread."""

import asyncio
import os
import signal
import sys

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.daemon.child import Child

pytestmark = pytest.mark.anyio

PATIENCE_S = 60.0


async def test_a_child_that_was_killed_with_words_unread_has_not_misspoken() -> None:
    child = await Child.start(
        "worker",
        (sys.executable, "-c", "import signal; signal.pause()"),
        {"name": "worker"},
        environ=os.environ,
        listeners=[],
        http_listeners=[],
        clock=SystemClock(),
        on_word=lambda _child, _word: None,
    )
    await child.kill()
    assert await asyncio.wait_for(child.over, PATIENCE_S) == -signal.SIGKILL
    assert child.sentence == ""
