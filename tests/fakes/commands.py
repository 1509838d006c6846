"""`fallbackrouter …` as people run it: each command in a process of its own, forked from one with the package loaded.

A test is about what a command does. That Python takes a second to import the package, and a slow machine ten, is
nothing that each of a hundred tests need wait for; the scenarios start the service bare.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

_ROOT = Path(__file__).parents[2]
PATIENCE_S = 300.0


def run_command(
    folder: Path, *words: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, and return how it ended and what it wrote.

    Args:
        environ: its environment; None: the test's own without settings of the router.

    Raises:
        TimeoutExpired: it did not end in time; it has been killed.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("FALLBACKROUTER_")}
    with TemporaryDirectory() as files:
        out, err = Path(files, "out"), Path(files, "err")
        out.touch()
        err.touch()
        order = {"folder": str(folder), "words": words, "out": str(out), "err": str(err)}
        status = _Forker.only().run({**order, "environ": dict(own if environ is None else environ)}, words)
        return subprocess.CompletedProcess(words, status, _text(out), _text(err))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class _Forker:
    """The process that forks; one for all tests of this process, ended with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.command_forker"],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._end)

    @staticmethod
    @cache
    def only() -> "_Forker":
        return _Forker()

    def run(self, order: Mapping[str, object], words: tuple[str, ...]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = self._said()
        assert pid is not None, "the package could not be loaded"
        status = self._said()
        if status is None:
            os.kill(pid, signal.SIGKILL)
            self._said()
            raise subprocess.TimeoutExpired(words, PATIENCE_S)
        return status

    def _said(self) -> int | None:
        assert self._process.stdout is not None
        heard, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        return int(self._process.stdout.readline()) if heard else None

    def _end(self) -> None:
        self._process.communicate()
