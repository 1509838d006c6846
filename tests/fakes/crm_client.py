"""A CRM client for tests, closed with its resolver at the end."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fallbackrouter.clock import SystemClock
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.drill import Drilling
from fallbackrouter.crm.resolver import Resolver
from tests.fakes.calls import GATE


@asynccontextmanager
async def crm_client(
    url: str,
    *,
    token: str = "",
    probe_url: str = "",
    tls: tuple[str, str, str] = ("", "", ""),
    max_in_flight: int = 32,
    max_answer_bytes: int = 65_536,
    keepalive_s: float = 4.0,
    addresses: Mapping[str, Sequence[str]] | None = None,
    drilling: Drilling | None = None,
) -> AsyncIterator[CrmClient]:
    """Give a client that is ready to ask.

    Args:
        tls: ca_file, client_cert and client_key.
        addresses: known of host names; nothing is looked up.
    """
    clock = SystemClock()
    resolver = Resolver(clock=clock, max_stale_s=3600)
    for host, known in (addresses or {}).items():
        resolver.seed(host, known, clock.now_at())
    client = CrmClient(
        url=url,
        token=token,
        probe_url=probe_url,
        resolver=resolver,
        max_in_flight=max_in_flight,
        max_answer_bytes=max_answer_bytes,
        keepalive_s=keepalive_s,
        ca_file=tls[0],
        client_cert=tls[1],
        client_key=tls[2],
        node="pbx1",
        spell=lambda number: number.raw,
        gate=GATE,
        drilling=drilling,
    )
    try:
        yield client
    finally:
        await client.close()
        await resolver.close()
