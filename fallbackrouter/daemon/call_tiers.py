"""The tiers of a call worker, and the router that asks them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fallbackrouter.clock import Clock
from fallbackrouter.config.build import last_resort, node_name
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Gate
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.router import Live, Router
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.remembered import Change
from fallbackrouter.tiers.remembered import RememberedTier
from fallbackrouter.tiers.rules import RuleTier
from fallbackrouter.tiers.synced import SyncedTier


@dataclass(frozen=True, slots=True)
class CallTiers:
    """The tiers that answer from memory; made empty, filled by `fallbackrouter.daemon.call_sources`."""

    override: RuleTier
    remembered: RememberedTier
    synced: SyncedTier
    fallback: RuleTier

    @classmethod
    def make(cls, settings: Settings, gate: Gate, store: JournalWriter) -> "CallTiers":
        """Make them by the settings.

        Args:
            store: keeps what is remembered.
        """
        remembering = settings.remembered
        fallback = RuleTier(Rulebook(()))
        remembered = RememberedTier(
            max_entries=remembering.max_entries,
            ttl_s=remembering.ttl_s,
            max_stale_s=remembering.max_stale_s,
            never=remembering.never,
            gate=gate,
            fallback_rule=fallback.winner,
            store=store,
        )
        synced = SyncedTier(stale_after_s=settings.sync.stale_after_s)
        return cls(RuleTier(Rulebook(())), remembered, synced, fallback)

    def absorb(self, changes: Sequence[Change]) -> None:
        """Take over what other workers have come to remember."""
        self.remembered.absorb(changes)


def make_router(
    settings: Settings,
    *,
    tiers: CallTiers,
    live: Live | None,
    policies: Policies,
    journal: JournalWriter,
    clock: Clock,
) -> Router:
    """Return the router that asks these tiers; without a live CRM no policy names one."""
    return Router(
        instant={
            OVERRIDE: tiers.override,
            REMEMBERED: tiers.remembered,
            SYNCED: tiers.synced,
            FALLBACK: tiers.fallback,
        },
        live=live,
        memory=tiers.remembered,
        policies=policies if live else _without_live(policies),
        last_resort=last_resort(settings),
        journal=journal,
        clock=clock,
        node=node_name(settings),
        journal_ms=settings.budget.journal_ms,
        event_ms=settings.budget.call_ms,
    )


def _without_live(policies: Policies) -> Policies:
    def local(policy: Policy) -> Policy:
        return replace(policy, order=tuple(tier for tier in policy.order if tier != LIVE))

    by_did = tuple((condition, local(policy)) for condition, policy in policies.by_did)
    return Policies(local(policies.default), by_did)
