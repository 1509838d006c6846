"""The parts of a call worker that face the live CRM: resolver, client and tier, which start and end together."""

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fallbackrouter.clock import Clock
from fallbackrouter.config.build import node_name
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.route import Gate
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.addresses import SavedAddress, load_addresses
from fallbackrouter.tiers.live import LiveTier
from fallbackrouter.tiers.remembered import RememberedTier

SETTLE_S = 0.5
"""How long a start waits for the CRM's first addresses, so that the first call finds some."""

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
    """

    def __init__(self, resolver: Resolver, client: CrmClient, tier: LiveTier, journal: Path) -> None:
        self._resolver = resolver
        self._client = client
        self._journal = journal
        self.tier = tier

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
        clock: Clock,
    ) -> "LiveCrm":
        """Join resolver, client and tier.

        Args:
            base: what relative paths are relative to.

        Raises:
            ConfigError: the CRM's URL, token or certificates cannot be used.
        """
        crm = settings.crm
        resolver = Resolver(clock=clock, max_stale_s=crm.dns_max_stale_s, nameservers=crm.nameservers)
        client = CrmClient(
            url=crm.url,
            token=token,
            resolver=resolver,
            max_in_flight=crm.max_in_flight + crm.max_late,
            max_answer_bytes=crm.max_answer_bytes,
            keepalive_s=crm.keepalive_s,
            ca_file=_file(base, crm.ca_file),
            client_cert=_file(base, crm.client_cert),
            client_key=_file(base, crm.client_key),
            node=node_name(settings),
            spell=partial(_spell, numbering, crm.number_form),
            gate=gate,
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
        )
        return cls(resolver, client, tier, journal)

    async def start(self, in_thread: InThread) -> None:
        """Begin with the addresses that were saved, and look them up from now on; a dead name server costs SETTLE_S."""
        for host, saved in _by_host(await in_thread(self._saved)):
            self._resolver.seed(host, [one.address for one in saved], max(one.at for one in saved))
        await self._resolver.start()
        await self._client.start()
        await self._resolver.settle(SETTLE_S)

    def _saved(self) -> list[SavedAddress]:
        try:
            return load_addresses(self._journal)
        except StoreError:
            return []  # a start without saved addresses looks them up

    async def close(self) -> None:
        """Let go of everything that is on its way."""
        await self.tier.close()
        await self._client.close()
        await self._resolver.close()


def _file(base: Path, text: str) -> str:
    return str(base / text) if text else ""


def _spell(numbering: Numbering, form: str, number: Number) -> str:
    return numbering.spell(number, form)


def _by_host(saved: Iterable[SavedAddress]) -> list[tuple[str, list[SavedAddress]]]:
    ranked = sorted(saved, key=lambda one: one.host)
    return [(host, list(group)) for host, group in groupby(ranked, key=lambda one: one.host)]
