"""How long somebody who gave wrong passwords has to wait: by account and by address, in memory.

Its rules:

- the first few failures cost nothing; each one more doubles the wait, up to a bound;
- an account's bound is low, so that a stranger cannot lock its owner out for long; an address's is high;
- while somebody waits, a password is not even looked at;
- it remembers a bounded number of names, the latest; a restart of this process forgets them.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

FREE = 5
FIRST_S = 2.0
MOST_OF_ACCOUNT_S = 60.0
MOST_OF_ADDRESS_S = 900.0
FORGOTTEN_S = 3600.0
MAX_NAMES = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float
    until_s: float


class Patience:
    """Counts wrong passwords.

    Args:
        most_s: the longest wait.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._by_name: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, name: str, now_s: float) -> float:
        """Return how long this one still has to wait, 0 for not at all."""
        found = self._by_name.get(name)
        return max(0.0, found.until_s - now_s) if found else 0.0

    def failed(self, name: str, now_s: float) -> None:
        """Note a failure."""
        found = self._by_name.pop(name, None)
        if found is None or now_s - found.last_s > FORGOTTEN_S:
            found = _Failures(0, now_s, now_s)
        found.count += 1
        found.last_s = now_s
        beyond = found.count - FREE
        if beyond >= 0:
            found.until_s = now_s + min(self._most_s, FIRST_S * 2.0 ** min(beyond, 30))
        self._by_name[name] = found
        while len(self._by_name) > MAX_NAMES:
            self._by_name.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Forget the failures."""
        self._by_name.pop(name, None)


def network_of(address: str) -> str:
    """Return what an address counts as: itself, or the /64 that an IPv6 host can choose addresses from."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
