"""The parts of a call worker that face the live CRM: resolver, client, breaker, tier, and what works behind them.

They start and end together.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path
from random import SystemRandom
from typing import Any, Protocol, TypeVar

from fallbackrouter.clock import Clock
from fallbackrouter.config.build import node_name
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.breaker import BreakerRules, Change, State
from fallbackrouter.core.call import Call
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Gate
from fallbackrouter.crm.addresses import is_address
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.drill import Drilling
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.jobs.probe import Prober
from fallbackrouter.jobs.warm import CONNECTIONS, Warmer
from fallbackrouter.log import get_log
from fallbackrouter.numbering import Numbering
from fallbackrouter.router import WRITE_MS
from fallbackrouter.store.addresses import SavedAddress, load_addresses
from fallbackrouter.tiers.breaker import LiveBreaker
from fallbackrouter.tiers.live import LiveTier
from fallbackrouter.tiers.remembered import RememberedTier

SETTLE_S = 0.5
"""How long a start waits for the CRM's first addresses, so that the first call finds some."""

OUR_OWN = CONNECTIONS + 1
"""Connections for requests of our own, a round of warming and a probe, so that no call waits for one of them."""
STEP_OF_LIVE = 1.5
"""A step of the breaker's way back outlasts a question that hangs by half."""

log = get_log("crm")

T = TypeVar("T")


class InThread(Protocol):
    """Runs what may stall in a thread of the worker's own."""

    def __call__(self, work: Callable[[], T], /) -> Coroutine[Any, Any, T]:
        """Run it there, and return what it returns."""
        ...


class LiveCrm:
    """The live CRM, as a call worker sees it; made by `make`.

    Attributes:
        tier: what calls ask.
        breaker: what keeps them from it.
        drilling: what lets them meet the faults of a drill.
    """

    def __init__(
        self,
        *,
        resolver: Resolver,
        client: CrmClient,
        tier: LiveTier,
        breaker: LiveBreaker,
        drilling: Drilling,
        prober: Prober,
        warmer: Warmer | None,
        journal: Path,
    ) -> None:
        self._resolver = resolver
        self._client = client
        self._prober = prober
        self._warmer = warmer
        self._journal = journal
        self._tasks: list[asyncio.Task[None]] = []
        self.tier = tier
        self.breaker = breaker
        self.drilling = drilling

    @classmethod
    def make(
        cls,
        settings: Settings,
        *,
        base: Path,
        token: str,
        journal: Path,
        numbering: Numbering,
        memory: RememberedTier,
        gate: Gate,
        policies: Policies,
        on_change: Callable[[Change], None],
        clock: Clock,
    ) -> "LiveCrm":
        """Join them.

        Args:
            base: what relative paths are relative to.
            on_change: is told of every change of the breaker that happened here.

        Raises:
            ConfigError: the CRM's URL, token or certificates cannot be used.
        """
        crm = settings.crm
        resolver = Resolver(clock=clock, max_stale_s=crm.dns_max_stale_s, nameservers=crm.nameservers)
        drilling = Drilling(clock=clock, slow_s=_longest_call_s(settings))
        client = CrmClient(
            url=crm.url,
            token=token,
            probe_url=crm.probe_url,
            resolver=resolver,
            max_in_flight=crm.max_in_flight + crm.max_late + OUR_OWN,
            max_answer_bytes=crm.max_answer_bytes,
            keepalive_s=crm.keepalive_s,
            ca_file=_file(base, crm.ca_file),
            client_cert=_file(base, crm.client_cert),
            client_key=_file(base, crm.client_key),
            node=node_name(settings),
            spell=partial(_spell, numbering, crm.number_form),
            gate=gate,
            drilling=drilling,
        )
        chance = SystemRandom().random
        allowance = _Allowance(policies, settings.budget.journal_ms + WRITE_MS)
        breaker = LiveBreaker(
            BreakerRules(step_s=max(BreakerRules().step_s, STEP_OF_LIVE * allowance.longest_s)),
            clock=clock,
            live_s=allowance.of,
            chance=chance,
            on_change=on_change,
        )
        tier = LiveTier(
            client,
            memory=memory,
            clock=clock,
            max_in_flight=crm.max_in_flight,
            max_waiting=crm.max_waiting,
            max_late=crm.max_late,
            late_ms=crm.late_ms,
            coalesce=crm.coalesce,
            breaker=breaker,
        )
        prober = Prober(client, breaker, live_s=allowance.usual_s, clock=clock, on_error=_tell_of_error)
        warmer = Warmer(
            client.warm,
            lambda: breaker.last.state is not State.OPEN,
            keepalive_s=crm.keepalive_s,
            chance=chance,
        )
        return cls(
            resolver=resolver,
            client=client,
            tier=tier,
            breaker=breaker,
            drilling=drilling,
            prober=prober,
            warmer=warmer if crm.keepalive_s else None,
            journal=journal,
        )

    async def start(self, in_thread: InThread) -> None:
        """Begin with the addresses that were saved, and look them up from now on; a dead name server costs SETTLE_S."""
        for host, saved in _by_host(await in_thread(self._saved)):
            self._resolver.seed(host, [one.address for one in saved], max(one.at for one in saved))
        await self._resolver.start()
        await self._resolver.settle(SETTLE_S)
        self._tasks.append(asyncio.create_task(self._prober.run(), name="probe"))
        if self._warmer:
            self._tasks.append(asyncio.create_task(self._warmer.run(), name="warm"))

    def _saved(self) -> list[SavedAddress]:
        try:
            return load_addresses(self._journal)
        except StoreError:
            return []  # a start without saved addresses looks them up

    def tally(self) -> Mapping[str, int]:
        """Return what only ever grows."""
        return {"breaker_refused": self.breaker.refused, "probes": self._prober.sent}

    def counters(self) -> Mapping[str, int | float | None]:
        """Return what was counted since the start, and how things stand.

        `breaker_share` is the share of calls that ask now, 0 to 1. `dns_age_s` is since the CRM's addresses were last
        confirmed, None where none can be used; neither it nor `dns_failures`, in a row, is told of a literal address.
        """
        return {
            **self._dns_counters(),
            "live_in_flight": self.tier.in_flight,
            "live_waiting": self.tier.waiting,
            "breaker_share": self.breaker.last.share,
            "breaker_opened": self.breaker.version.opened,
            "breaker_refused": self.breaker.refused,
            "probes": self._prober.sent,
        }

    def _dns_counters(self) -> Mapping[str, int | float | None]:
        host = self._client.host
        if is_address(host):
            return {}
        age_s = self._resolver.age_s(host) if self._resolver.addresses(host) else None
        return {
            "dns_age_s": None if age_s is None else round(age_s, 1),
            "dns_failures": self._resolver.failures(host),
        }

    async def close(self) -> None:
        """Let go of everything that is on its way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await self.tier.close()
        await self._client.close()
        await self._resolver.close()


class _Allowance:
    """How long a question may be on its way: `live_ms`, or what `call_ms` leaves of it; in seconds.

    Args:
        reserve_ms: what a call keeps back for recording and sending its answer.
    """

    def __init__(self, policies: Policies, reserve_ms: float) -> None:
        self._policies = policies
        self._reserve_ms = reserve_ms
        self.usual_s = self._s(policies.default)
        self.longest_s = max([self.usual_s, *(self._s(policy) for _, policy in policies.by_did)])

    def of(self, call: Call) -> float:
        """Return it for a call, by its policy."""
        return self._s(self._policies.of(call.did))

    def _s(self, policy: Policy) -> float:
        return max(1.0, min(policy.live_ms, policy.call_ms - self._reserve_ms)) / 1000


def _tell_of_error(error: Exception) -> None:
    log.error("probing the CRM failed in our own code", exc_info=error)


def _longest_call_s(settings: Settings) -> float:
    """Return what no call waits for: the drill `slow` holds answers back by so much."""
    own_ms = [policy.call_ms for policy in settings.policy if policy.call_ms]
    return max([settings.budget.call_ms, *own_ms]) / 1000


def _file(base: Path, text: str) -> str:
    return str(base / text) if text else ""


def _spell(numbering: Numbering, form: str, number: Number) -> str:
    return numbering.spell(number, form)


def _by_host(saved: Iterable[SavedAddress]) -> list[tuple[str, list[SavedAddress]]]:
    ranked = sorted(saved, key=lambda one: one.host)
    return [(host, list(group)) for host, group in groupby(ranked, key=lambda one: one.host)]
