"""The fake CRM as a process of its own, so that its work never shares a loop or an interpreter with the router's.

with CrmProcess("--mode", "hang") as crm:
    ... crm.url ... crm.set_mode("ok") ... crm.state()["met"] ... crm.kill()
"""

import http.client
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fakes.crm import PATH

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60


class CrmProcess:
    """A CRM in another process.

    Args:
        arguments: as `python -m tests.fakes.crm --help` tells.
        prefix: comes before the command, to run it elsewhere.
        host: where it is, as `--host` tells it too.
    """

    def __init__(self, *arguments: str, prefix: Sequence[str] = (), host: str = "127.0.0.1") -> None:
        self._arguments = (*arguments, "--host", host)
        self._prefix = prefix
        self._host = host
        self.port = 0
        self._control_port = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; once it was killed, it comes back on the port that it had."""
        command = [*self._prefix, sys.executable, "-m", "tests.fakes.crm", "--port", str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is None:
            raise RuntimeError("the process has no stdout")
        self.port = int(self._process.stdout.readline())
        self._control_port = int(self._process.stdout.readline())

    def restart(self, *arguments: str) -> None:
        """Kill it, and have another on the same port with other arguments."""
        self.kill()
        self._arguments = (*arguments, "--host", self._host)
        self.start()

    def kill(self) -> None:
        """Kill it at once, its connections with it."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.communicate(timeout=_PATIENCE_S)

    @property
    def url(self) -> str:
        """What `crm.url` has to be."""
        return f"{'https' if '--cert' in self._arguments else 'http'}://{self._host}:{self.port}{PATH}"

    def set_mode(self, mode: str) -> None:
        """Change how it behaves, from the next question on."""
        self._control("POST", "/_mode", {"mode": mode})

    def set_answers(self, answers: dict[str, Any]) -> None:
        """Change what it answers, by DID."""
        self._control("POST", "/_answers", answers)

    def state(self) -> dict[str, Any]:
        """Return mode, met, accepted, open, requests."""
        state = self._control("GET", "/_state", {})
        return state if isinstance(state, dict) else {}

    def requests(self) -> list[dict[str, Any]]:
        """Return what it was asked: method, path, headers, body."""
        requests = self._control("GET", "/_requests", {})
        return requests if isinstance(requests, list) else []

    def events(self) -> list[dict[str, Any]]:
        """Return the latest events that it took, each once, in order."""
        events = self._control("GET", "/_events", {})
        return events if isinstance(events, list) else []

    def _control(self, method: str, path: str, body: dict[str, Any]) -> Any:
        connection = http.client.HTTPConnection(self._host, self._control_port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ValueError(text.decode())
        return json.loads(text)
