"""Keeps the CRM's last good addresses in the journal, so that a start while DNS is dead knows where the CRM is."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.log import get_log
from fallbackrouter.store.addresses import SavedAddress, save_addresses

log = get_log("jobs")

InThread = Callable[[Callable[[], None]], object]
"""Runs something that may stall where nobody waits for it."""


class AddressKeeper:
    """Looks the CRM's name up from time to time, and saves what it finds.

    Args:
        host: the CRM's; a literal address needs no saving.
        in_thread: runs the writing.
        nameservers: as the resolver takes them.
    """

    def __init__(
        self,
        host: str,
        *,
        journal: Path,
        clock: Clock,
        max_stale_s: float,
        in_thread: InThread,
        nameservers: Sequence[str] = (),
    ) -> None:
        self._journal = journal
        self._in_thread = in_thread
        self._resolver = Resolver(clock=clock, max_stale_s=max_stale_s, on_change=self._save, nameservers=nameservers)
        self._resolver.watch(host)

    async def start(self) -> None:
        """Begin; returns at once."""
        await self._resolver.start()

    async def close(self) -> None:
        """End."""
        await self._resolver.close()

    def _save(self, host: str, addresses: tuple[str, ...], ttl_s: float, at: datetime) -> None:
        self._in_thread(lambda: self._write([SavedAddress(host, one, ttl_s, at) for one in addresses]))

    def _write(self, saved: list[SavedAddress]) -> None:
        try:
            save_addresses(self._journal, saved)
        except StoreError as error:
            log.warning("the CRM's addresses could not be saved", reason=str(error))
