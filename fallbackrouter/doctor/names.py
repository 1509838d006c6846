"""The name of the CRM's host: each address with its TTL, and since when the service has it saved."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.crm.addresses import is_address
from fallbackrouter.crm.inspect import Found, WayError, look_up
from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.doctor.run import in_thread
from fallbackrouter.store.addresses import SavedAddress, load_addresses

NAME = "dns"
LOOK_UP_S = 5.0
"""How long the name servers have; the service's resolver gives them as long."""
SAVED_S = 2.0
REMEDY = "check the name in crm.url, /etc/resolv.conf and the name servers: `getent ahosts HOST` asks them too"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the CRM's addresses: () where nothing is."""

    addresses: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Names:
    """Looks the CRM's name up.

    Attributes:
        journal: holds the addresses that the service saved.
        max_stale_s: how long those serve (`crm.dns_max_stale_s`).
        nameservers: `address:port`; empty: the machine's.
    """

    journal: Path
    max_stale_s: float
    clock: Clock
    nameservers: Sequence[str] = ()

    async def learn(self, host: str) -> Known:
        """Look a host up, and fall back on what the service has saved of it; takes at most 7 s."""
        if is_address(host):
            return Known((host,), [ok(NAME, f"crm.url names the address {host} itself, so nothing is looked up")])
        saved = {one.address: one for one in await self._saved() if one.host == host}
        try:
            async with asyncio.timeout(LOOK_UP_S):
                found = await look_up(host, self.nameservers)
        except (WayError, TimeoutError) as error:
            return self._without_answer(host, str(error) or "no name server answered in time", saved)
        told = [ok(NAME, f"{host} is {_fresh(one)}{self._since(saved.get(one.address))}") for one in found]
        return Known(tuple(one.address for one in found), list(told))

    def _without_answer(self, host: str, reason: str, saved: dict[str, SavedAddress]) -> Known:
        oldest = self.clock.now_at() - timedelta(seconds=self.max_stale_s)
        known = {address: one for address, one in saved.items() if one.at >= oldest}
        if not known:
            return Known(
                (), [fail(NAME, f"{host} cannot be looked up ({reason}), and no address of it is known", REMEDY)]
            )
        what = f"{host} cannot be looked up ({reason}); what the service saved serves on"
        each = [f"{address}{self._since(one)}" for address, one in known.items()]
        return Known(tuple(known), [warn(NAME, f"{what}: {', '.join(each)}", REMEDY)])

    def _since(self, saved: SavedAddress | None) -> str:
        return f", saved {age(self.clock.now_at() - saved.at)} ago" if saved else ""

    async def _saved(self) -> list[SavedAddress]:
        try:
            async with asyncio.timeout(SAVED_S):
                return await in_thread(lambda: load_addresses(self.journal))
        except (StoreError, TimeoutError):
            return []  # the journal has a check of its own


def _fresh(found: Found) -> str:
    return f"{found.address}, TTL {found.ttl_s:.0f} s" if found.ttl_s else f"{found.address}, from a hosts file"


def age(length: timedelta) -> str:
    """Spell a length of time for people, in the largest unit of which there are two."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def nowhere(check: str) -> list[Finding]:
    """Tell that a check needs an address, and none is known."""
    return [skip(check, "no address of the CRM is known")]
