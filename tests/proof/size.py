"""How big the proofs are: the size that fits `make test`, or the full one of `make proof`."""

import os

FULL = os.environ.get("PROOF_FULL") == "1"
"""Set by `make proof`: every proof at full size. (A variable that began with FALLBACKROUTER_ would be a setting.)"""


def full_or(small: int, *, full: int) -> int:
    """Return how many cases a proof tries."""
    return full if FULL else small
