"""Plays Asterisk against the running service. Blocking: as long as an answer takes."""

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fallbackrouter.agi.peer import header_block, read_command
from fallbackrouter.clock import SystemClock
from fallbackrouter.control.client import command
from fallbackrouter.core.errors import ControlError
from fallbackrouter.store.decisions import show_decision

WAIT_S = 5.0
"""How long an answer is waited for; a router that works needs far less."""
LINE_BYTES = 8192


def running_address(data_dir: Path, configured: Sequence[str]) -> str:
    """Return where the running service listens; the configuration's word where it cannot be asked."""
    try:
        listen = command(data_dir, {"do": "status"}, within_s=2.0).get("listen")
    except ControlError:
        return configured[0]
    return str(listen[0]) if isinstance(listen, list) and listen else configured[0]


def play_asterisk(address: str, did: str, caller: str, stage: str) -> dict[str, str]:
    """Make one call that counts in no statistics, and return the variables that it got.

    Raises:
        ControlError: nobody answers there, or not in time.
    """
    host, _, port = address.rpartition(":")
    block = header_block(
        "test",
        (did, stage),
        caller=caller or "unknown",
        call_id=f"ask-{SystemClock().new_id()}",
        extension=did,
    )
    variables: dict[str, str] = {}
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT_S) as connection:
            connection.sendall(block)
            lines = connection.makefile("rb")
            while line := lines.readline(LINE_BYTES):
                variables.update(read_command(line))
                connection.sendall(b"200 result=1\n")
    except ConnectionError as error:
        if not variables.get("FR_SOURCE"):
            raise ControlError(
                f"nothing answers at {address} ({error.strerror}); start it with `fallbackrouter serve`"
            ) from None
    except TimeoutError:
        raise ControlError(
            f"{address} did not answer within {WAIT_S:.0f} s; see its log and `fallbackrouter doctor`"
        ) from None
    if not variables.get("FR_SOURCE"):
        raise ControlError(f"{address} closed the connection without an answer; is this address in agi.allow?")
    return variables


def recorded(journal: Path, decision: str) -> dict[str, Any] | None:
    """Return the decision once it is on record, with its times; None where it does not come."""
    row = None
    for _ in range(20):
        row = asyncio.run(show_decision(journal, decision))
        if row is not None and row["ms"] is not None:
            break
        time.sleep(0.1)
    return row
