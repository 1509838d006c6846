"""Runs a program within limits of the system's: it is a program itself, so that no code of ours runs after a fork.

    python -I -S limited.py CPU_S MEMORY_BYTES FILE_BYTES PROGRAM [ARGUMENT…]

Standard library only. The program takes this one's place: same process, no shell.
"""

import ctypes
import os
import resource
import signal
import sys

MAX_FILES = 64
_PR_SET_PDEATHSIG = 1
NICE = 10
CANNOT_RUN = 127


def main(arguments: list[str]) -> int:
    """Set the limits and become the program; returns only where there is none."""
    cpu_s, memory_bytes, file_bytes = map(int, arguments[:3])
    program = arguments[3:]
    limits = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: MAX_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in limits.items():
        hard = resource.getrlimit(which)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (least, least))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # who started it is gone: nobody waits for it
    # Python ignores SIGXFSZ, and that stays: espeak-ng's library of sound asks for 64 MB of shared memory, which counts
    # as a file, and goes on without. A program that writes too much gets an error instead, and its file is full.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.nice(NICE)
    os.umask(0o077)
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is what is wanted
    except OSError:
        return CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
