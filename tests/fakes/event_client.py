"""A client for events for tests, closed with its resolver at the end."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fallbackrouter.clock import Clock, SystemClock
from fallbackrouter.crm.event_client import EventClient
from fallbackrouter.crm.resolver import Resolver


@asynccontextmanager
async def event_client(
    url: str,
    *,
    token: str = "",
    tls: tuple[str, str, str] = ("", "", ""),
    max_in_flight: int = 8,
    keepalive_s: float = 4.0,
    addresses: Mapping[str, Sequence[str]] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[EventClient]:
    """Give a client that is ready to tell.

    Args:
        tls: ca_file, client_cert and client_key.
        addresses: known of host names; nothing is looked up.
    """
    clock = clock or SystemClock()
    resolver = Resolver(clock=clock, max_stale_s=3600)
    for host, known in (addresses or {}).items():
        resolver.seed(host, known, clock.now_at())
    client = EventClient(
        url=url,
        token=token,
        resolver=resolver,
        max_in_flight=max_in_flight,
        keepalive_s=keepalive_s,
        ca_file=tls[0],
        client_cert=tls[1],
        client_key=tls[2],
        clock=clock,
    )
    await client.start()
    try:
        yield client
    finally:
        await client.close()
        await resolver.close()
