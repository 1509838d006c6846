"""Runs a program that makes audio: no shell, a deadline, limits of the system's, no secret of ours, nothing left."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.prompts import limited

_LIMITED = str(Path(limited.__file__))
_OURS = ("FALLBACKROUTER_", "NOTIFY_SOCKET", "LISTEN_", "CREDENTIALS_DIRECTORY")
"""What begins so may hold secrets, or is between us and the service manager."""
REAP_S = 2.0
"""A killed program is gone at once, unless a disk or a network drive holds it; nobody waits for that."""
MEMORY_BYTES = 2 * 1024**3


class PromptError(Exception):
    """A prompt cannot be had; the text says why, in a few plain words."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a program may take.

    Attributes:
        within_s: from its start to its end, also the processor's time.
        file_bytes: of each file that it writes, stdout included.
    """

    within_s: float
    file_bytes: int
    memory_bytes: int = MEMORY_BYTES


def given_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a program may see of our environment."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}


async def run(
    command: Sequence[str], bounds: Bounds, *, cwd: Path, said: bytes = b"", into: Path | None = None
) -> None:
    """Run a program to its end.

    Args:
        cwd: where it runs.
        said: what it reads on stdin.
        into: the file that its stdout becomes; None: nobody reads it.

    Raises:
        PromptError: it is not there, failed, or took too long; what it had started is ended with it.
    """
    numbers = (int(bounds.within_s) + 1, bounds.memory_bytes, bounds.file_bytes)
    with (into or Path(os.devnull)).open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", _LIMITED),
            *map(str, numbers),
            *command,
            cwd=cwd,
            env=given_environ(os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=out,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    name = Path(command[0]).name
    try:
        async with asyncio.timeout(bounds.within_s):
            await process.communicate(said)
    except TimeoutError:
        raise PromptError(f"{name} took longer than {bounds.within_s:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=REAP_S)
    _judge(name, process.returncode or 0, bounds, into)


def _judge(name: str, status: int, bounds: Bounds, into: Path | None) -> None:
    if into is not None and into.stat().st_size >= bounds.file_bytes:
        raise PromptError(f"{name} wrote more than it may")
    if status == limited.CANNOT_RUN:
        raise PromptError(f"{name} cannot be run; `fallbackrouter doctor` says what is missing")
    if status:
        raise PromptError(f"{name} failed with status {status}")
