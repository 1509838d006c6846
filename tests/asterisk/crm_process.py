"""The fake CRM as a process of its own, told over its control port how to behave."""

import http.client
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class CrmProcess:
    """A running fake CRM (tests.fakes.crm)."""

    def __init__(self, answers: Mapping[str, Mapping[str, object]]) -> None:
        command = [sys.executable, "-m", "tests.fakes.crm", "--answers", json.dumps(answers)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.port, self._control_port = (int(self._process.stdout.readline()) for _ in range(2))

    @property
    def url(self) -> str:
        """What `crm.url` has to be."""
        return f"http://127.0.0.1:{self.port}/api/v1/asterisk/callin/{{stage}}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _control(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._control_port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == http.HTTPStatus.OK, said
            return json.loads(said)
        finally:
            connection.close()

    def behave(self, mode: str) -> None:
        """Change how it answers from now on: `ok`, `hang`, a status such as `503`, ..."""
        self._control("POST", "/_mode", {"mode": mode})

    def questions(self) -> list[dict[str, Any]]:
        """Return what it was asked so far, the questions' JSON bodies."""
        return [asked["body"] for asked in self._control("GET", "/_requests")]
