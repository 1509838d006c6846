"""The entry of `fallbackrouter serve`. Standard library only, as all of the parent."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fallbackrouter.clock import SystemClock
from fallbackrouter.daemon.parent_log import ParentLog
from fallbackrouter.daemon.programs import SERVE, Programs, child_environ, own_command, own_programs
from fallbackrouter.daemon.supervise import Supervisor


def main(arguments: Sequence[str]) -> int:
    """Serve; the arguments are none, or `--config` and a file."""
    return serve(Path(arguments[1]) if arguments else None)


def serve_afresh(config: Path | None) -> NoReturn:
    """Become the service: the same process, without what a command line has loaded."""
    arguments = ("--config", str(config)) if config else ()
    sys.stdout.flush()
    command = (*own_command(), SERVE, *arguments)
    os.execve(command[0], command, child_environ(os.environ))  # noqa: S606 - our own interpreter, no shell


def serve(config: Path | None, programs: Programs | None = None) -> int:
    """Serve until told to stop.

    Args:
        config: the configuration file, None to look for it in the usual places.
        programs: what children are started as; None for this package's own.

    Returns:
        The exit code: 0 after a stop that was asked for, 1 where the service could not start.
    """
    log = ParentLog()
    try:
        return asyncio.run(_serve(config, programs or own_programs(), log))
    finally:
        log.close()


async def _serve(config: Path | None, programs: Programs, log: ParentLog) -> int:
    return await Supervisor(config, programs, os.environ, clock=SystemClock(), log=log).run()
