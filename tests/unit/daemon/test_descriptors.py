"""How many calls a worker may hold, in processes with limits of their own."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
soft, hard, wanted, questions = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from fallbackrouter.daemon.descriptors import calls_to_hold
print(calls_to_hold(wanted, questions), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "calls", "limit"),
    [
        (4000, 4000, 2000, 2000, 4000),
        (1024, 4000, 2000, 2000, 2104),
        (256, 512, 2000, 408, 512),
        (128, 128, 2000, 24, 128),
        (90, 90, 2000, 1, 90),
    ],
)
def test_the_limit_is_raised_as_far_as_allowed_and_calls_fit_in(
    soft: int, hard: int, wanted: int, calls: int, limit: int
) -> None:
    words = [str(word) for word in (soft, hard, wanted, 40)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [str(calls), str(limit)]
