"""Builds the benchmark's programs in C, and reads what the load generator measured.

A missing compiler ends the run with a sentence: a figure without its floor says nothing.
"""

import itertools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

SOURCES = Path(__file__).parent / "floor"
LONGEST_NS = 600_000_000_000
DIGITS = 3
NS_PER_MS = 1e6
BLOCK = 10_000_000
"""So many numbers of calls are a run's own: no two runs share a call's id."""

_blocks = itertools.count(1)


def build(name: str, folder: Path, compiler: str = "cc") -> Path:
    """Compile `benchmarks/floor/NAME.c` into a folder, and return the program."""
    found = shutil.which(compiler)
    if found is None:
        raise SystemExit(f"No C compiler `{compiler}` was found, and the benchmark needs one: apt-get install gcc.")
    program = folder / name
    command = [found, "-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", str(program), str(SOURCES / f"{name}.c")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}.c could not be compiled; install a compiler with its headers:\n{done.stderr}")
    return program


@dataclass(frozen=True)
class Seen:
    """What a run saw.

    Args:
        rate: calls per second.
        failed: calls without a whole answer.
        latest_ms: how far the generator was ever behind its own plan; 0 in a closed loop.
        times: each call's time in ns, from its (planned) arrival to the end of its connection.
    """

    rate: float
    failed: int
    latest_ms: float
    times: HdrHistogram

    def ms(self, percentile: float) -> float:
        """Return the time within which that percentage of the calls ended; 100 is the slowest."""
        return float(self.times.get_value_at_percentile(percentile)) / NS_PER_MS


def read(printed: str) -> Seen:
    """Read what the load generator prints."""
    head, *times = printed.splitlines()
    wall_ns, failed, latest_ns = map(int, head.split())
    histogram = HdrHistogram(1, LONGEST_NS, DIGITS)
    for ns in times:
        histogram.record_value(int(ns))
    return Seen(len(times) / (wall_ns / 1e9), failed, latest_ns / NS_PER_MS, histogram)


@dataclass(frozen=True)
class Load:
    """The load generator.

    Args:
        program: what `load.c` was built into.
        dids: a file with the numbers that are called.
        word: what a whole answer holds: the name of the source that is measured.
    """

    program: Path
    dids: Path
    word: str

    @classmethod
    def of(cls, folder: Path, dids: Sequence[str], word: str) -> "Load":
        """Build it in a folder."""
        path = folder / "dids"
        path.write_text("".join(f"{did}\n" for did in dids))
        return cls(build("load", folder), path, word)

    def closed(self, port: int, calls: int, in_flight: int, first_caller: int = 0) -> Seen:
        """Keep a fixed number of calls in flight; the callers are 7495 and the numbers from that one up to 4999."""
        return self._run(port, calls, "closed", in_flight, first_caller)

    def open(self, port: int, calls: int, per_second: float) -> Seen:
        """Let calls arrive at a fixed rate, and count each one's time from when it was to arrive."""
        return self._run(port, calls, "open", per_second)

    def _run(self, port: int, calls: int, loop: str, pace: float, first_caller: int = 0) -> Seen:
        words = [port, calls, loop, pace, next(_blocks) * BLOCK + first_caller, self.dids, self.word]
        command = [str(self.program), *map(str, words)]
        return read(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
