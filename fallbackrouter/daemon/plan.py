"""What the parent knows of the configuration: not the configuration itself but the plan that `_prepare` made of it.

`_prepare` is a child that reads, checks, migrates and compiles, so that the parent never does. The conversation:

    _prepare -> {"data_dir": "/var/lib/fallbackrouter"}      (made, and writable)
    parent   -> {"go": true}                                 (the lock on it is ours)
    _prepare -> the plan, or {"error": "one sentence"}

The plan travels through pipes only: it holds the CRM's token and the manager interface's secret, which are written to
no disk, argument or log line.
"""

import asyncio
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fallbackrouter.core.errors import ConfigError, FallbackrouterError

MAX_PLAN_BYTES = 4 * 1024 * 1024
WITHIN_S = 120.0
"""A migration of a large journal may take its time; more than this is a disk that hangs."""


@dataclass(frozen=True)
class Plan:
    """What to start and to watch.

    Attributes:
        data_dir: absolute.
        listen: `agi.listen`.
        http_listen: `agi.http_listen`.
        workers: how many call workers.
        heartbeat_ms: a worker that is silent for longer is replaced.
        crm: scheme and host of the CRM, "" without one.
        digest: changes when the settings (or the token) change, not when rules do.
        order: what a child is told first: settings, token, base; for the children's eyes only.
        rules: how the rules were found: {"count", "problems", "kept"}.
        max_rss_mb: a worker that takes more MiB is replaced; 0 for no limit.
        admin_listen: `admin.listen`, "" for no web interface.
    """

    data_dir: Path
    listen: tuple[str, ...]
    http_listen: tuple[str, ...]
    workers: int
    heartbeat_ms: float
    crm: str
    digest: str
    log_level: str
    log_format: str
    order: Mapping[str, Any] = field(repr=False)
    rules: Mapping[str, Any] = field(default_factory=dict)
    max_rss_mb: float = 0
    admin_listen: str = ""

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Plan":
        """Read what `_prepare` printed."""
        addresses = {name: tuple(line[name]) for name in ("listen", "http_listen")}
        return cls(**{**line, **addresses, "data_dir": Path(line["data_dir"])})

    def to_line(self) -> dict[str, Any]:
        """Return what `_prepare` prints."""
        return {**self.__dict__, "data_dir": str(self.data_dir)}


async def prepare(command: Sequence[str], environ: Mapping[str, str], settle: Callable[[Path], None]) -> Plan:
    """Have the configuration read and everything made ready that children will need.

    Args:
        command: starts `_prepare`.
        settle: takes the lock on data_dir, or says why this data_dir will not do.

    Raises:
        FallbackrouterError: the configuration, the rules or the journal cannot be used; one sentence.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=MAX_PLAN_BYTES,
        start_new_session=True,  # a terminal's Ctrl-C is the parent's to deal with
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            first = await _line(process)
            settle(Path(first["data_dir"]))
            await _go(process)
            return Plan.read(await _line(process))
    except TimeoutError:
        raise ConfigError(
            f"the configuration could not be made ready within {WITHIN_S:g} s; is the disk that holds data_dir stuck?"
        ) from None
    finally:
        await _end(process)


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
    line = await process.stdout.readline()
    if not line:
        raise ConfigError("the configuration could not be checked: the process that does it ended; its log says why")
    message: dict[str, Any] = json.loads(line)
    if "error" in message:
        raise FallbackrouterError(message["error"])
    return message


async def _go(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for as a pipe
    process.stdin.write(b'{"go":true}\n')
    await process.stdin.drain()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave no process and no pipe behind."""
    assert process.stdin is not None  # noqa: S101 - it was asked for as a pipe
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 2)
    except TimeoutError:
        end_at_once(process)
        await process.wait()


def end_at_once(process: asyncio.subprocess.Process) -> None:
    """Kill a process, whether or not it is still there: it may have ended while nobody had time to hear of it."""
    with suppress(ProcessLookupError):
        process.kill()
