"""How many examples properties are tried with: Hypothesis' own number, many more at full size, fewer on a slow machine.

No example is timed: on a machine that others use too, slowness is no fault. Where CI runs, the examples are the same
every time, so that a change is judged by what it changes; elsewhere each run looks for others.
"""

import os

from hypothesis import settings

from tests.proof.machine import PACE
from tests.proof.size import FULL, full_or

FULL_EXAMPLES = 2000


def examples(small: int, *, full: int = FULL_EXAMPLES) -> int:
    """Return how many examples a property is tried with; a machine that stands still tries a quarter."""
    return full_or(small if PACE == 1 else small // 4, full=full)


settings.register_profile(
    "fallbackrouter",
    deadline=None,
    max_examples=examples(100),
    derandomize=bool(os.environ.get("CI")) and not FULL,
)
settings.load_profile("fallbackrouter")
