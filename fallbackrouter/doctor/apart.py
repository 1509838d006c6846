"""Runs checks side by side, each in a process of its own, and waits for none longer than its deadline.

A thread inside the kernel, waiting for a storage that is gone, holds its whole process: the interpreter's lock, where
SQLite closes a file, and its end, which even SIGKILL cannot bring. So the command forks before it touches anything,
takes what each child tells in time, and leaves the others behind.
"""

import os
import select
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from fallbackrouter.clock import Clock
from fallbackrouter.doctor.finding import Finding, fail

_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Job:
    """A check to be done apart.

    Attributes:
        within_s: how long it may take.
        late: the remedy where it takes longer.
    """

    name: str
    within_s: float
    late: str
    work: Callable[[], list[Finding]]


@dataclass(slots=True)
class _Child:
    job: Job
    pid: int
    body: bytes = b""
    ended: bool = False


def run_apart(jobs: Sequence[Job], clock: Clock) -> list[Finding]:
    """Return what all jobs found, in their order. Call it while this process has a single thread."""
    started_s = clock.now_s()
    children = dict(map(_start, jobs))
    while waiting := {pipe: child for pipe, child in children.items() if not child.ended}:
        passed_s = clock.now_s() - started_s
        for child in waiting.values():
            child.ended = passed_s >= child.job.within_s
        next_s = min(child.job.within_s for child in waiting.values()) - passed_s
        for pipe in select.select(list(waiting), [], [], max(0.0, next_s))[0]:
            _read(pipe, children[pipe])
    for pipe, child in children.items():
        _leave(pipe, child)
    return [finding for child in children.values() for finding in _told(child)]


def _start(job: Job) -> tuple[int, _Child]:
    """Start a child; return the pipe's end that it tells into, and the child."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_the_child(job, tell)
    os.close(tell)
    return told, _Child(job, pid)


def _be_the_child(job: Job, tell: int) -> None:
    """Look, tell, and end; never returns."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):  # else whoever reads the command's output would wait for a stuck child
            os.dup2(nothing, descriptor)
        with os.fdopen(tell, "wb") as pipe:
            pipe.write(msgspec.json.encode(job.work()))
    finally:
        os._exit(0)


def _read(pipe: int, child: _Child) -> None:
    data = os.read(pipe, _READ_BYTES)
    child.body += data
    child.ended = not data


def _leave(pipe: int, child: _Child) -> None:
    """Let a child go, by force where it is still there; one that is stuck goes when the kernel lets it."""
    os.close(pipe)
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, os.WNOHANG)


def _told(child: _Child) -> list[Finding]:
    try:
        return msgspec.json.decode(child.body, type=list[Finding])
    except msgspec.DecodeError:
        job = child.job
        return [fail(job.name, f"no result within {job.within_s:g} s, or the check itself broke", job.late)]
