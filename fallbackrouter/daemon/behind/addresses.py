"""The duty of saving the CRM's addresses, so that a start while DNS is dead knows where it is."""

from collections.abc import Mapping

from fallbackrouter.control.lines import Message
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.jobs.addresses_save import AddressKeeper


class Addresses:
    """Keeps the addresses of `crm.url`'s host."""

    def __init__(self, inside: Inside) -> None:
        crm = inside.settings.crm
        self._keeper = AddressKeeper(
            Endpoint(crm.url, "").host,
            journal=inside.journal_path,
            clock=inside.clock,
            max_stale_s=crm.dns_max_stale_s,
            nameservers=crm.nameservers,
            in_thread=inside.writing.submit,
        )

    @classmethod
    def where_wanted(cls, inside: Inside) -> "Addresses | None":
        """Return the duty, None where there is no CRM."""
        return cls(inside) if inside.settings.crm.url else None

    async def start(self) -> None:
        """Begin."""
        await self._keeper.start()

    async def close(self) -> None:
        """End."""
        await self._keeper.close()

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell nothing."""
        return {}
