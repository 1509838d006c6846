"""A process that has the package loaded, and runs each command of the command line in a fork of itself.

python -m tests.fakes.command_forker      a line of JSON in: an order; lines out: the fork's pid, then how it ended
"""

import atexit
import gc
import json
import os
import pkgutil
import sys
import time
import traceback
from importlib import import_module

from fallbackrouter.__main__ import main

_ROOMS = ("cli", "config", "rulesfile", "store", "jobs")
"""Their modules are loaded by commands when they are run, not when they are looked up."""


def load() -> None:
    """Import what commands import."""
    for room in _ROOMS:
        for module in pkgutil.iter_modules(import_module(f"fallbackrouter.{room}").__path__, f"fallbackrouter.{room}."):
            import_module(module.name)


def become(folder: str, environ: dict[str, str], out: str, err: str) -> None:
    """Be as a process is that was started in a folder, with nothing to read and files to write to."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    for fd, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(path, flags)
        os.dup2(opened, fd)
        os.close(opened)


def run(words: list[str]) -> int:
    """Run a command as the interpreter does, and return its exit code."""
    sys.argv[1:] = words
    try:
        return main(words)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return int(end.code or 0) if not isinstance(end.code, str) else 1
    except BaseException:  # noqa: BLE001 - what nobody caught is for stderr, and the tests
        traceback.print_exc()
        return 1


def leave(status: int) -> None:
    """End without tidying up: to look at each object once more would copy all that was loaded."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def say(number: int) -> None:
    """Write a line."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    load()
    gc.freeze()
    while order := sys.stdin.readline():
        asked = json.loads(order)
        pid = os.fork()
        if pid == 0:
            become(asked["folder"], asked["environ"], asked["out"], asked["err"])
            leave(run(asked["words"]))
        say(pid)
        say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
