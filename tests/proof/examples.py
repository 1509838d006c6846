"""How many examples properties are tried with: Hypothesis' own number, or many more at full size.

No example is timed: on a machine that others use too, slowness is no fault.
"""

from hypothesis import settings

from tests.proof.size import full_or

FULL_EXAMPLES = 2000

settings.register_profile(
    "fallbackrouter", deadline=None, max_examples=full_or(settings().max_examples, full=FULL_EXAMPLES)
)
settings.load_profile("fallbackrouter")
