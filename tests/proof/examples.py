"""How many examples properties are tried with: Hypothesis' own number, or many more at full size.

No example is timed: on a machine that others use too, slowness is no fault. Where CI runs, the examples are the same
every time, so that a change is judged by what it changes; elsewhere each run looks for others.
"""

import os

from hypothesis import settings

from tests.proof.size import FULL, full_or

FULL_EXAMPLES = 2000

settings.register_profile(
    "fallbackrouter",
    deadline=None,
    max_examples=full_or(100, full=FULL_EXAMPLES),
    derandomize=bool(os.environ.get("CI")) and not FULL,
)
settings.load_profile("fallbackrouter")
