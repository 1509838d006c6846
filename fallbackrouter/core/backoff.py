"""How long to wait before the next try: full jitter, so that what failed together does not come back together."""


def full_jitter_s(failures: int, chance: float, *, first_s: float, most_s: float) -> float:
    """Return the seconds to wait, anywhere between none and a bound that doubles with each failure.

    Args:
        failures: in a row so far, from 1.
        chance: drawn evenly from 0 up to below 1.
        first_s: the bound after the first failure.
        most_s: the bound never grows past this.
    """
    doublings = min(max(failures - 1, 0), 62)  # far past every bound, and still a small whole number
    return chance * min(most_s, first_s * 2.0**doublings)
