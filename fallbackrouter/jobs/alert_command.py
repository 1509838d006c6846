"""Tells an alert by a command of the admin's: no shell, the alert as JSON on its stdin, no secret of ours."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from fallbackrouter.jobs.alerts import Failed
from fallbackrouter.prompts.program import REAP_S, given_environ

MAX_TRIES = 5
"""A command that fails so often with one alert does so for a reason of its own."""


class CommandWay:
    """Runs the command.

    Args:
        command: program and arguments.
        environ: given to it, but for our own variables.
    """

    name = "command"

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
        self._command = tuple(command)
        self._environ = given_environ(environ)
        self._failing = ("", 0)

    async def tell(self, alert_id: str, body: bytes) -> Failed | None:
        """Run it once; what it started is ended with it, should it not end in time."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environ,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return self._failed(alert_id, f"it cannot be run: {(error.strerror or str(error)).lower()}")
        try:
            await process.communicate(body + b"\n")
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=REAP_S)
            raise
        return self._failed(alert_id, f"it ended with status {process.returncode}") if process.returncode else None

    def _failed(self, alert_id: str, reason: str) -> Failed:
        last_id, tries = self._failing
        tries = tries + 1 if last_id == alert_id else 1
        self._failing = (alert_id, tries)
        return Failed(reason, again=tries < MAX_TRIES)
