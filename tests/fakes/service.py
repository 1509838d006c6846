"""A running service for tests: started as a process of its own, spoken to as people do, always ended by pid."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fallbackrouter.control.client import command
from tests.proof.machine import PACE

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
"""A safety net for a busy machine, never a measurement."""
START_S = 240.0
"""The same for a start, which loads everything in four processes."""
_PATIENT = {} if PACE == 1 else {"FALLBACKROUTER_AGI__HEARTBEAT_MS": "30000"}
"""A worker that the machine keeps from its heartbeat is not one that hangs."""
HELD_UP = "the parent itself was held up"

_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
"""


def wait_until(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; what it was stands in the failure."""
    until_s = time.monotonic() + within_s  # noqa: TID251 - tests wait by the machine's clock
    while not condition():
        if time.monotonic() > until_s:  # noqa: TID251 - the same
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def children_of(pid: int) -> list[int]:
    """Return the pids of a process's running children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


class Service:
    """One `serve` process.

    Args:
        arguments: what follows the interpreter.
        folder: where its stdout and stderr are kept.
        data_dir: where its control socket lies.
        listener: handed over as systemd hands over the sockets of a socket unit.
        stderr: where it writes instead of a file.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        data_dir: Path,
        environ: Mapping[str, str] | None = None,
        *,
        listener: socket.socket | None = None,
        stderr: int | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.folder = folder
        self.stderr_file = folder / "stderr.log"
        self.lines: list[str] = []
        self._seen_children: set[int] = set()
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
        handed = [] if listener is None else [listener.fileno()]
        command = [sys.executable, *arguments]
        if listener is not None:
            command = [sys.executable, "-c", _HAND_OVER, str(listener.fileno()), *command]
        with self.stderr_file.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **_PATIENT, "PYTHONPATH": path, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file if stderr is None else stderr,
                text=True,
                pass_fds=handed,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The parent process."""
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What was logged so far, but for what a busy machine alone makes a parent say."""
        lines = self.whole_stderr.splitlines(keepends=True)
        return "".join(line for line in lines if HELD_UP not in line)

    @property
    def whole_stderr(self) -> str:
        """What was logged so far."""
        return self.stderr_file.read_text(encoding="utf-8", errors="replace")

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def ready(self) -> "Service":
        """Wait for the ready line."""
        wait_until(lambda: self.lines or self.process.poll() is not None, "a ready line", START_S)
        assert self.lines, f"it ended with {self.process.returncode}: {self.stderr}"
        self._seen_children.update(children_of(self.pid))
        return self

    @property
    def ports(self) -> list[int]:
        """Where calls are taken, as the ready line says."""
        return [int(port) for port in re.findall(r"agi (?:[^ ]*:(\d+))", self.lines[0])]

    @property
    def port(self) -> int:
        """Where calls are taken, where it is one address."""
        return self.ports[0]

    @property
    def http_port(self) -> int:
        """Where HTTP is spoken, where it is one address."""
        (port,) = re.findall(r" http (?:[^ ]*:(\d+))", self.lines[0])
        return int(port)

    def command(self, do: str, patience_s: float = PATIENCE_S, **fields: Any) -> dict[str, Any]:
        """Send a command over the control socket."""
        return command(self.data_dir, {"do": do, **fields}, patience_s)

    def status(self) -> dict[str, Any]:
        """Ask for the status."""
        status = self.command("status")
        self._seen_children.update(worker["pid"] for worker in status["workers"] if "pid" in worker)
        return status

    def worker_pids(self) -> list[int]:
        """Return the call workers' pids."""
        return [worker["pid"] for worker in self.status()["workers"] if worker["state"] == "ready"]

    def signal(self, number: signal.Signals) -> None:
        """Signal the parent."""
        self.process.send_signal(number)

    def wait(self, within_s: float = PATIENCE_S) -> int:
        """Wait for its end and return the exit code."""
        status = self.process.wait(within_s)
        self._reader.join(5)
        return status

    def stop(self) -> int:
        """Stop it as an operator would and return the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        self._seen_children.update(children_of(self.pid))
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(60)
        for pid in self._seen_children:
            if alive(pid) and _is_ours(pid):
                os.kill(pid, signal.SIGKILL)
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


def _is_ours(pid: int) -> bool:
    """Tell whether a pid is still that of a child of the service; pids are used again."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"fallbackrouter" in words or b"double_children" in words
