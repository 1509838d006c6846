"""Where the machine stands still, of the whole daemon and Asterisk only `core` tests are tried, and a line says so.

All of them would take hours there, and those that judge by the clock would judge the machine. A newer Python is then
tried with the pure rooms alone.
"""

import sys
from pathlib import Path

import pytest

from tests.proof.machine import NAME, PACE

_TESTS = Path(__file__).parents[1]
_NEWER = sys.version_info >= (3, 12)
_LONG = (_TESTS / "scenarios", _TESTS / "asterisk", *((_TESTS / "edges",) if _NEWER else ()))
_LEFT_OUT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not core of what needs a machine that runs."""
    if PACE == 1:
        return
    left_out = [item for item in items if _is_long(item.path) and item.get_closest_marker("core") is None]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
        config.stash[_LEFT_OUT] = len(left_out)


def _is_long(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _LONG)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the machine did not allow."""
    if PACE > 1:
        count = config.stash.get(_LEFT_OUT, 0)
        terminalreporter.write_line(
            f"!!!!!! THIS MACHINE STANDS STILL: budgets were {PACE} times longer, and {count} long tests were left out;"
            f" {NAME}=1 runs all"
        )
