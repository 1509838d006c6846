"""Names into addresses, in the background: a call takes what is known and never waits for a look-up.

Its rules:

- aiodns' getaddrinfo alone (it honours /etc/hosts and search domains, in a thread of its own); never the loop's or
  the socket module's, whose few threads one dead name server fills;
- one task a name looks it up by TTL (crm.addresses); a look-up that outlasts `LOOKUP_S` counts as failed;
- each look-up has a c-ares channel of its own (50 µs): a channel keeps answers for up to an hour, which is past our
  `MAX_TTL_S`, and would hide that a CRM has moved;
- `on_change` tells of addresses worth saving, so that a cold start with a dead name server has some;
- whatever breaks in here, the name is tried again.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from random import SystemRandom
from typing import Protocol, TypeVar

import aiodns

from fallbackrouter.clock import Clock
from fallbackrouter.crm.addresses import AddressBook, is_address
from fallbackrouter.crm.drill import DNS, met_now
from fallbackrouter.log import get_log

log = get_log("crm")

LOOKUP_S = 5.0
"""The longest that one look-up may take."""
TRY_S = 1.0
"""How long one name server is waited for, the first time; c-ares waits longer the second."""
TRIES = 2
SAVE_EVERY_S = 300.0
"""Addresses that stay the same are told again this often, so that the saved ones do not look stale."""

_Result = TypeVar("_Result")
OnChange = Callable[[str, tuple[str, ...], float, datetime], None]
"""host, addresses, ttl_s, at (UTC); called in the loop, must not block."""


class Addresses(Protocol):
    """What a connect needs to know of names."""

    def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses known now, the best first; () where there are none."""
        ...

    def prefer(self, host: str, address: str) -> None:
        """Remember the address that took a connection."""
        ...

    def hasten(self, host: str) -> None:
        """Look the name up soon: no address took a connection."""
        ...


class Resolver:
    """Keeps the addresses of watched names fresh.

    Args:
        max_stale_s: how long addresses serve after they were last confirmed (`crm.dns_max_stale_s`).
        on_change: is told of addresses worth saving; None where nobody saves them.
        nameservers: `address` or `address:port`; empty: the machine's.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        max_stale_s: float,
        on_change: OnChange | None = None,
        nameservers: Sequence[str] = (),
    ) -> None:
        self._clock = clock
        self._book = AddressBook(max_stale_s)
        self._on_change = on_change
        self._nameservers = tuple(nameservers)
        self._jitter = SystemRandom().random
        self._wakes: dict[str, asyncio.Event] = {}
        self._looked: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_s: dict[str, float] = {}
        self._running = False

    def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses known now, the best first; () where there are none, or a drill plays that."""
        met = met_now()
        if met is not None and met.fault == DNS:
            return ()
        return self._book.addresses(host, self._clock.now_s())

    def age_s(self, host: str) -> float | None:
        """Return how long ago the addresses were last confirmed, None where nothing is known."""
        return self._book.age_s(host, self._clock.now_s())

    def failures(self, host: str) -> int:
        """Return how many look-ups in a row have found nothing."""
        return self._book.failures(host)

    def prefer(self, host: str, address: str) -> None:
        """Remember the address that took a connection."""
        self._book.prefer(host, address)

    def hasten(self, host: str) -> None:
        """Look the name up soon: no address took a connection."""
        wake = self._wakes.get(host)
        if wake:
            self._book.hasten(host, self._clock.now_s())
            wake.set()

    def seed(self, host: str, addresses: Sequence[str], at: datetime) -> None:
        """Take over saved addresses.

        Args:
            at: UTC, when they were last confirmed.
        """
        age_s = (self._clock.now_at() - at).total_seconds()
        self._book.seed(host, addresses, age_s, self._clock.now_s())

    def watch(self, host: str) -> None:
        """Keep a name's addresses fresh, from `start` on; a literal address needs no watching."""
        if not is_address(host) and host not in self._wakes:
            self._wakes[host] = asyncio.Event()
            self._looked[host] = asyncio.Event()
            if self._running:
                self._spawn(host)

    async def start(self) -> None:
        """Begin looking up the watched names; returns at once."""
        if not self._running:
            self._running = True
            for host in self._wakes:
                self._spawn(host)

    async def settle(self, within_s: float) -> None:
        """Wait until each watched name has been looked up once, found or not; for at most so long, at a start."""
        looks = [asyncio.create_task(looked.wait()) for looked in self._looked.values()]
        if looks:
            await asyncio.wait(looks, timeout=within_s)
        for look in looks:
            look.cancel()

    async def close(self) -> None:
        """End all look-ups; returns at once also while a name server hangs."""
        self._running = False
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _spawn(self, host: str) -> None:
        task = asyncio.create_task(self._keep_fresh(host), name=f"resolve {host}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_fresh(self, host: str) -> None:
        failed = False
        while True:
            await self._sleep_until_due(host)
            reason = await self._look_up(host)
            self._looked[host].set()
            if reason and not failed:
                log.warning("a name of the CRM cannot be looked up", host=host, reason=reason, age_s=self.age_s(host))
            failed = bool(reason)

    async def _sleep_until_due(self, host: str) -> None:
        wake = self._wakes[host]
        while (left_s := self._book.due_s(host) - self._clock.now_s()) > 0:
            wake.clear()
            try:
                async with asyncio.timeout(left_s):
                    await wake.wait()
            except TimeoutError:
                continue

    async def _look_up(self, host: str) -> str:
        """Look a name up once; return "" or why nothing was found."""
        try:
            found = await self._ask(host)
            self._learn(host, found)
        except Exception as error:  # noqa: BLE001 - whatever broke, the name has to be tried again
            self._book.fail(host, self._clock.now_s(), self._jitter())
            return _reason(error)
        return ""

    def _learn(self, host: str, found: list[tuple[str, float]]) -> None:
        now_s = self._clock.now_s()
        ttl_s = min(ttl_s for _, ttl_s in found)
        changed = self._book.learn(host, [address for address, _ in found], ttl_s, now_s, self._jitter())
        if changed or now_s - self._told_s.get(host, float("-inf")) >= SAVE_EVERY_S:
            self._tell(host, ttl_s, now_s)

    def _tell(self, host: str, ttl_s: float, now_s: float) -> None:
        self._told_s[host] = now_s
        if self._on_change:
            self._on_change(host, self.addresses(host), ttl_s, self._clock.now_at())

    async def _ask(self, host: str) -> list[tuple[str, float]]:
        """Return addresses with their TTLs in seconds, at least one.

        Raises:
            Exception: of aiodns' many kinds; TimeoutError; LookupError where the name has no address.
        """
        dns = aiodns.DNSResolver(self._nameservers or None, asyncio.get_running_loop(), timeout=TRY_S, tries=TRIES)
        try:
            nodes = (await _within(dns.getaddrinfo(host, type=socket.SOCK_STREAM), LOOKUP_S)).nodes
        finally:
            await dns.close()
        if not nodes:
            raise LookupError("the name has no address")
        return [(_text(node.addr[0]), float(node.ttl)) for node in nodes]


async def _within(answer: asyncio.Future[_Result], seconds: float) -> _Result:
    """Wait for a future, which is cancelled when the time is up or the waiting is.

    Raises:
        TimeoutError: the time is up.
    """
    try:
        await asyncio.wait({answer}, timeout=seconds)
    finally:
        unanswered = answer.cancel()
    if unanswered:
        raise TimeoutError
    return answer.result()


def _text(address: bytes | str) -> str:
    return address.decode() if isinstance(address, bytes) else address


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no name server answered in time"
    return str(error.args[-1]) if error.args else type(error).__name__
