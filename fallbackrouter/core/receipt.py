"""What the CRM's answer to an event means: for the event, for the breaker, and for the pace.

Its rules, which docs/crm-contract.md shows as a table:

- 2xx: delivered; 400, 409, 410 and 422: refused; 404: refused once it has been said for an hour, as a call may be new
  to the CRM, or the CRM be in the middle of a deployment;
- everything else, a refused token too, and no answer at all: again, until the event is older than its time to live;
- a CRM that answers with a 2xx, 404 or a refusal is well: what is wrong is one event. Everything else counts against
  it, unless it names a `Retry-After`, which is obeyed instead.
"""

from dataclasses import dataclass
from enum import StrEnum

from fallbackrouter.core.breaker import Failed, Good, NotCounted, Outcome

REFUSALS = frozenset({400, 409, 410, 422})
MISSING = 404
MISSING_S = 3600.0
"""For so long 404 may mean that the CRM does not know the call yet."""
BUSY = frozenset({429, 503})
"""With these, a `Retry-After` is meant for every event, not for this one alone."""
MAX_RETRY_AFTER_S = 3600.0
"""The longest that a CRM is left alone at its word; it may say the same again."""
MAX_WORDS = 500
"""The most characters kept of what a CRM said."""


class Fate(StrEnum):
    """What becomes of an event; the values are its states in the journal."""

    AGAIN = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came back.

    Attributes:
        status: HTTP's, 0 where there was no answer.
        words: the CRM's, or why there was no answer; bounded and printable.
        retry_after_s: how long the CRM asks to wait, None where it does not say.
    """

    status: int
    words: str
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        """The CRM took the event."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's class of success

    @property
    def told(self) -> str:
        """What is kept of it: the status and the words."""
        return f"{self.status} {self.words}".strip()[:MAX_WORDS] if self.status else self.words[:MAX_WORDS]

    @property
    def wait_s(self) -> float:
        """How long the CRM asks to wait, bounded; 0 where it does not ask."""
        return min(max(self.retry_after_s or 0.0, 0.0), MAX_RETRY_AFTER_S)

    @property
    def pause_s(self) -> float:
        """How long all events wait; 0 where this answer concerns one alone."""
        return self.wait_s if self.status in BUSY else 0.0


def unanswered(reason: str) -> Receipt:
    """Return the receipt of an event that got no answer."""
    return Receipt(0, reason)


def fate_of(receipt: Receipt, *, age_s: float, missing_s: float, ttl_s: float) -> Fate:
    """Return what becomes of an event.

    Args:
        age_s: since it happened.
        missing_s: since the CRM first answered 404 to it; 0 the first time.
        ttl_s: how old an event may become.
    """
    if receipt.delivered:
        return Fate.DELIVERED
    if receipt.status in REFUSALS or (receipt.status == MISSING and missing_s >= MISSING_S):
        return Fate.REFUSED
    return Fate.DEAD if age_s >= ttl_s else Fate.AGAIN


def outcome_of(receipt: Receipt) -> Outcome:
    """Return what an answer tells about the CRM."""
    if receipt.delivered or receipt.status in REFUSALS or receipt.status == MISSING:
        return Good()
    return NotCounted() if receipt.wait_s else Failed(receipt.told)
