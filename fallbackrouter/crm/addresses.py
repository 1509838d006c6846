"""What is known of host names' addresses: how long they serve, and when to look them up again. Pure.

Its rules:

- a literal address is its own address, always;
- addresses are looked up again before their TTL (clamped to 5 s ... 300 s) ends, at a moment shifted by jitter;
- when a look-up fails, what was known goes on serving, for at most `max_stale_s` since it was last confirmed;
- an answer that says "no such name" is a failure like any other: a broken zone must not take the CRM away;
- the address that won the last connect comes first.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

MIN_TTL_S = 5.0
MAX_TTL_S = 300.0
MAX_ADDRESSES = 8
"""The most addresses of one name that are kept."""
FIRST_RETRY_S = 0.5
MAX_RETRY_S = 5.0
"""The longest pause after a failed look-up: live answers have to return within 10 s after a name server does."""


@dataclass(slots=True)
class _Entry:
    addresses: tuple[str, ...] = ()
    learnt_s: float = 0.0
    ttl_s: float = MIN_TTL_S
    due_s: float = float("-inf")
    failures: int = 0


@lru_cache(64)
def is_address(host: str) -> bool:
    """Tell whether a host is a literal address; one with a zone (`fe80::1%eth0`) counts as a name."""
    if "%" in host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class AddressBook:
    """The addresses of the few names that the CRM's URLs hold.

    Args:
        max_stale_s: how long addresses serve after they were last confirmed; at least for their TTL.
    """

    def __init__(self, max_stale_s: float) -> None:
        self._max_stale_s = max_stale_s
        self._entries: dict[str, _Entry] = {}

    def addresses(self, host: str, now_s: float) -> tuple[str, ...]:
        """Return what a connect may use now, the best first; () where nothing is known."""
        if is_address(host):
            return (host,)
        entry = self._entries.get(host)
        return entry.addresses if entry and now_s <= self._ends_s(entry) else ()

    def _ends_s(self, entry: _Entry) -> float:
        return entry.learnt_s + max(entry.ttl_s, self._max_stale_s)

    def age_s(self, host: str, now_s: float) -> float | None:
        """Return how long ago the addresses were last confirmed, None where nothing is known."""
        entry = self._entries.get(host)
        return max(0.0, now_s - entry.learnt_s) if entry and entry.addresses else None

    def failures(self, host: str) -> int:
        """Return how many look-ups in a row have found nothing."""
        entry = self._entries.get(host)
        return entry.failures if entry else 0

    def due_s(self, host: str) -> float:
        """Return the monotonic moment of the next look-up; long past where there was none yet."""
        return self._entries.setdefault(host, _Entry()).due_s

    def learn(self, host: str, addresses: Iterable[str], ttl_s: float, now_s: float, jitter: float) -> bool:
        """Keep what a look-up found.

        Args:
            addresses: in the resolver's order; not empty.
            ttl_s: as the name server says; 0 from a hosts file.
            jitter: 0 up to 1; how much of its play the next look-up uses.

        Returns:
            Whether the set of addresses is another than before.
        """
        entry = self._entries.setdefault(host, _Entry())
        before = entry.addresses
        entry.addresses = _winner_first(tuple(dict.fromkeys(addresses))[:MAX_ADDRESSES], before[:1])
        entry.ttl_s = min(max(ttl_s, MIN_TTL_S), MAX_TTL_S)
        entry.learnt_s, entry.failures = now_s, 0
        entry.due_s = now_s + entry.ttl_s * (0.7 + 0.2 * jitter)
        return set(entry.addresses) != set(before)

    def fail(self, host: str, now_s: float, jitter: float) -> None:
        """Note that a look-up failed; the next one comes after a pause that grows."""
        entry = self._entries.setdefault(host, _Entry())
        pause_s = min(FIRST_RETRY_S * 2 ** min(entry.failures, 10), MAX_RETRY_S)
        entry.failures += 1
        entry.due_s = now_s + pause_s * (0.6 + 0.4 * jitter)

    def seed(self, host: str, addresses: Iterable[str], age_s: float, now_s: float) -> None:
        """Take over addresses that were saved; never in place of newer ones. They are looked up again at once."""
        entry = self._entries.setdefault(host, _Entry())
        learnt_s = now_s - max(0.0, age_s)
        if entry.addresses and entry.learnt_s >= learnt_s:
            return
        entry.addresses = tuple(dict.fromkeys(text for text in addresses if is_address(text)))[:MAX_ADDRESSES]
        entry.learnt_s = learnt_s

    def prefer(self, host: str, address: str) -> None:
        """Remember that this address took the last connection, and is to be tried first."""
        entry = self._entries.get(host)
        if entry:
            entry.addresses = _winner_first(entry.addresses, (address,))

    def hasten(self, host: str, now_s: float) -> None:
        """Look it up soon, `MIN_TTL_S` after the last time at the earliest: no address took a connection."""
        entry = self._entries.get(host)
        if entry and entry.addresses and not entry.failures:
            entry.due_s = min(entry.due_s, max(now_s, entry.learnt_s + MIN_TTL_S))


def _winner_first(addresses: tuple[str, ...], winner: tuple[str, ...]) -> tuple[str, ...]:
    if not winner or winner[0] not in addresses:
        return addresses
    return tuple(dict.fromkeys((*winner, *addresses)))
