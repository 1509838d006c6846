"""How the processes of the service are started: same interpreter, same package, nothing from the current folder."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREPARE = "_prepare"
WORKER = "_worker"
BACKGROUND = "_background"
ADMIN = "_admin"
SERVE = "_serve"
_PACKAGE = "fallbackrouter"
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Programs:
    """The command that starts each kind of child; what a child needs to know is appended. No `admin`: none starts."""

    prepare: tuple[str, ...]
    worker: tuple[str, ...]
    background: tuple[str, ...]
    admin: tuple[str, ...] = ()


def own_command() -> tuple[str, ...]:
    """Return the command that starts this package; the process's name is appended.

    `-P` keeps the current folder out of the path: a `json.py` lying there is not ours.
    """
    return (sys.executable, "-P", "-m", _PACKAGE)


def own_programs() -> Programs:
    """Return the commands that start this package's own children."""
    start = own_command()
    return Programs((*start, PREPARE), (*start, WORKER), (*start, BACKGROUND), (*start, ADMIN))


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for children: the parent's, and the way to the package where it is not installed."""
    root = Path(__file__).resolve().parents[2]
    if root.name in _INSTALLED:
        return dict(environ)
    path = os.pathsep.join(filter(None, (str(root), environ.get("PYTHONPATH", ""))))
    return {**environ, "PYTHONPATH": path}
