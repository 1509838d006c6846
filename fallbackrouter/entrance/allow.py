"""Which addresses may ask."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

CACHE_ADDRESSES = 4_096


class AllowList:
    """The networks that may ask.

    Args:
        networks: such as `127.0.0.0/8`; an address alone is a network of one.

    Raises:
        ValueError: one of them is no network.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = tuple(ip_network(text, strict=False) for text in networks)
        self.admits = lru_cache(maxsize=CACHE_ADDRESSES)(self._admits)

    def _admits(self, host: str) -> bool:
        """Tell whether an address may ask; an IPv4 address inside IPv6 counts as the IPv4 one."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
