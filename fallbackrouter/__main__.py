"""`python -m fallbackrouter`: the command, and the processes that the service starts itself.

A child, and the parent of all, load what they need and no more: they never pass through the command line's imports.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

PROCESSES = {
    "_prepare": "fallbackrouter.daemon.prepare",
    "_worker": "fallbackrouter.daemon.call_worker",
    "_background": "fallbackrouter.daemon.background",
    "_admin": "fallbackrouter.daemon.admin",
    "_sync": "fallbackrouter.daemon.sync_process",
    "_serve": "fallbackrouter.daemon.serve",
}
COMMAND = "fallbackrouter.cli.main"


def main(arguments: Sequence[str]) -> int:
    """Run what the first argument names; whatever is no process of the service is a command for people."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if name == "serve" and (not rest or (rest[0] == "--config" and rest[1:] and not rest[2:])):
        name = "_serve"
    if name in PROCESSES:
        status: int = import_module(PROCESSES[name]).main(rest)
        return status
    import_module(COMMAND).main(arguments)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
