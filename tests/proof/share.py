"""Where the machine stands still, of the whole daemon, Asterisk and the console only `core` tests are tried.

A line says so. All of them would take hours there, and those that judge by the clock would judge the machine. A newer
Python is then tried with the pure rooms alone. Whoever runs them may also say when no further test may begin
(`TEST_UNTIL`, seconds since 1970): what was left is counted out loud.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock
from tests.proof.machine import NAME, PACE

_TESTS = Path(__file__).parents[1]
_NEWER = sys.version_info >= (3, 12)
_LONG = (_TESTS / "scenarios", _TESTS / "asterisk", _TESTS / "console", *((_TESTS / "edges",) if _NEWER else ()))
_UNTIL_S = float(os.environ.get("TEST_UNTIL", "inf"))
_LEFT_OUT = pytest.StashKey[int]()
_TOO_LATE = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not core of what needs a machine that runs."""
    if PACE == 1:
        return
    left_out = [item for item in items if _is_long(item.path) and item.get_closest_marker("core") is None]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
        config.stash[_LEFT_OUT] = len(left_out)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Begin no test that is out of time."""
    if PACE == 1 or SystemClock().now_at().timestamp() < _UNTIL_S:
        return None
    _add(item.config, 1)
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that gave out the tests how many were out of time."""
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["too_late"] = session.config.stash.get(_TOO_LATE, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it from a worker of pytest-xdist."""
    _add(node.config, getattr(node, "workeroutput", {}).get("too_late", 0))


def _add(config: pytest.Config, count: int) -> None:
    config.stash[_TOO_LATE] = config.stash.get(_TOO_LATE, 0) + count


def _is_long(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _LONG)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the machine did not allow."""
    if PACE > 1:
        count = config.stash.get(_LEFT_OUT, 0)
        too_late = config.stash.get(_TOO_LATE, 0)
        terminalreporter.write_line(
            f"!!!!!! THIS MACHINE STANDS STILL: budgets were {PACE} times longer, and {count} long tests were left out"
            f" and {too_late} for want of time; {NAME}=1 runs all"
        )
