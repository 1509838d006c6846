"""When the next sync is due: pure, times in seconds.

Rules: a tenth more or less than `every_s`, so that many routers do not come together; after a failure anywhere within a
bound that doubles (full jitter), as 500 routers would else fall on a CRM that has just come back; what the CRM asks for
with Retry-After is kept to.
"""

from dataclasses import dataclass

from fallbackrouter.core.backoff import full_jitter_s

JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to sync.

    Attributes:
        every_s: between two that went well.
        most_s: the longest that a feed which failed is left alone.
    """

    every_s: float
    most_s: float

    def next_s(self, failures: int, chance: float, retry_after_s: float | None) -> float:
        """Return how long to wait from now.

        Args:
            failures: in a row; 0 after one that went well.
            chance: drawn evenly from 0 up to below 1.
            retry_after_s: what the CRM asked for, None where it did not.
        """
        if failures:
            first_s = min(self.every_s, self.most_s)
            wait_s = full_jitter_s(failures, chance, first_s=first_s, most_s=self.most_s)
        else:
            wait_s = self.every_s * (1 - JITTER + 2 * JITTER * chance)
        return max(wait_s, min(retry_after_s or 0.0, self.most_s))
