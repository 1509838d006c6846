"""Which tiers are asked in which order, and how long the live CRM may take; for all calls or by DID."""

from dataclasses import dataclass

from fallbackrouter.core.numbers import Number
from fallbackrouter.core.rule import Condition
from fallbackrouter.core.tier import DEFAULT_ORDER


@dataclass(frozen=True, slots=True)
class Policy:
    """Order and budget of a walk; times in ms."""

    order: tuple[str, ...] = DEFAULT_ORDER
    call_ms: float = 400
    live_ms: float = 300
    fresh_ms: float = 80


@dataclass(frozen=True, slots=True)
class Policies:
    """The configured policies: the first whose did matches counts, else the default.

    The list is bounded by the configuration (`MAX_POLICIES`), so a call's look at it is too.
    """

    default: Policy
    by_did: tuple[tuple[Condition, Policy], ...] = ()

    def of(self, did: Number) -> Policy:
        """Return the policy for calls to this number."""
        for condition, policy in self.by_did:
            if condition.matches(did):
                return policy
        return self.default


MAX_POLICIES = 100
