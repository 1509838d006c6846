"""What a process holds: file descriptors, threads, tasks and memory, as /proc and the service's status tell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FD_PLAY = 12
"""Connections to the CRM that may be kept idle now and were not then, and a call's that is just ending."""
THREAD_PLAY = 2
"""A look-up has one while it lasts."""
TASK_PLAY = 12
MEMORY_PLAY_MB = 24.0
"""What an allocator keeps for itself after a burst."""


@dataclass(frozen=True)
class Vitals:
    """What a call worker held at a moment."""

    pid: int
    fds: int
    threads: int
    tasks: int
    memory_mb: float
    held: int

    def grown_since(self, before: "Vitals") -> list[str]:
        """Say what is more than it was, beyond what comes and goes."""
        grown = [("file descriptors", self.fds - before.fds, FD_PLAY)]
        grown += [("threads", self.threads - before.threads, THREAD_PLAY)]
        grown += [("tasks", self.tasks - before.tasks, TASK_PLAY)]
        grown += [("MB of memory", round(self.memory_mb - before.memory_mb), round(MEMORY_PLAY_MB))]
        grown += [("calls held", self.held - before.held, 0)]
        return [f"{more} more {what}" for what, more, play in grown if more > play]


def vitals_of(worker: dict[str, Any]) -> Vitals:
    """Return what a worker holds, from its entry in the status."""
    process = Path(f"/proc/{worker['pid']}")
    lines = (process / "status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return Vitals(
        pid=worker["pid"],
        fds=len(list((process / "fd").iterdir())),
        threads=int(fields["Threads"]),
        tasks=worker["counters"]["tasks"],
        memory_mb=int(fields["VmRSS"].split()[0]) / 1024,
        held=worker["counters"]["held"],
    )
