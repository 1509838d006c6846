"""How long the machine stands still: real time cannot be judged where it does, and all takes many times longer.

A loop on each processor sees when it is not run. A usual machine, one with other work too, holds it up for some
milliseconds at a time; one whose host gives it little time stands still for hundreds of them. There the budgets that
scenarios set are longer by `PACE`. `make proof` never asks: full-size proofs are for a machine that runs.
"""

import math
import os
import subprocess
import sys

from tests.proof.size import FULL

NAME = "TEST_PACE"
"""Environment variable: the pace to take instead of asking the machine; 1 judges as on a usual machine."""
USUAL_MS = 100.0
"""A machine that never stands still for longer is a usual one."""
_STEP_MS = 50.0
_SLOWEST = 12
_WATCHED_S = 2.0
_WATCH = """\
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
longest = 0.0
last = begun = time.perf_counter()
while last - begun < float(sys.argv[2]):
    now = time.perf_counter()
    longest = max(longest, now - last)
    last = now
print(longest * 1000)
"""


def pace_of(stop_ms: float) -> int:
    """Return how many times longer budgets are on a machine that stands still for so long; 1: a usual one."""
    return 1 if stop_ms < USUAL_MS else min(_SLOWEST, math.ceil(stop_ms / _STEP_MS))


def longest_stop_ms() -> float:
    """Return for how long the machine's processors stood still at most, each watched for two seconds at once."""
    command = [sys.executable, "-I", "-S", "-c", _WATCH]
    watching = [
        subprocess.Popen([*command, str(processor), str(_WATCHED_S)], stdout=subprocess.PIPE, text=True)
        for processor in sorted(os.sched_getaffinity(0))
    ]
    return max(float(watch.communicate()[0]) for watch in watching)


def _pace() -> int:
    if FULL:
        return 1
    if NAME not in os.environ:  # what this starts, other workers of pytest too, takes the same pace
        os.environ[NAME] = str(pace_of(longest_stop_ms()))
    return int(os.environ[NAME])


PACE = _pace()

if __name__ == "__main__":
    sys.stdout.write(f"{PACE}\n")
