"""A child does not outlive its parent, whatever state either is in. Standard library only.

A child that sees its channel close ends by itself, in order. This is the belt for one that cannot see it:

- a thread notices the closed channel too, and kills the process when it is still there `WITHIN_S` later;
- the kernel sends SIGCONT at the parent's death, so that a stopped child runs again and notices.
"""

import ctypes
import os
import select
import signal
import threading
from contextlib import suppress

WITHIN_S = 1.5
"""What a child has to finish calls in hand and write its journal after its parent was killed."""
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; for one that leaves nothing behind that is not whole."""
    with suppress(OSError, AttributeError):  # a C library without prctl: such a process ends by itself a little later
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def end_with_parent(channel_fd: int) -> None:
    """Make sure that this process ends when the other end of its channel closes."""
    with suppress(OSError, AttributeError):  # a C library without prctl; the thread still watches
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
    threading.Thread(target=_watch, args=(os.dup(channel_fd),), name="orphan", daemon=True).start()


def _watch(channel_fd: int) -> None:
    watched = select.poll()
    watched.register(channel_fd, 0)  # a closed peer is always reported
    watched.poll()
    threading.Event().wait(WITHIN_S)
    os.kill(os.getpid(), signal.SIGKILL)
