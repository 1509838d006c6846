"""How httpcore2 reaches the CRM: over addresses that are known already, never by a look-up on a call's behalf.

The host name stays what it is for TLS and for the pool's key; only the connect goes to an address. Rewriting the URL
to an address instead would let another name on that address ride on this one's connection.
"""

import asyncio
from collections.abc import Iterable

import httpcore2

from fallbackrouter.crm.drill import CONNECT, met_now
from fallbackrouter.crm.race import STAGGER_S, connect_first
from fallbackrouter.crm.resolver import Addresses
from fallbackrouter.crm.stream import Stream, refused

NO_ADDRESS = "no address yet"


class Network(httpcore2.AsyncNetworkBackend):
    """Connects over known addresses, the last winner first.

    Args:
        stagger_s: how long an address is waited for before the next one is tried beside it.
    """

    def __init__(self, addresses: Addresses, stagger_s: float = STAGGER_S) -> None:
        self._addresses = addresses
        self._stagger_s = stagger_s

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to a host.

        Raises:
            httpcore2.ConnectError: no address of it is known, or none takes the connection.
            httpcore2.ConnectTimeout: not within `timeout` seconds.
        """
        del local_address, socket_options  # the pool is made without either
        addresses = self._addresses.addresses(host)
        if not addresses:
            raise httpcore2.ConnectError(NO_ADDRESS)
        met = met_now()
        if met is not None and met.fault == CONNECT:
            raise refused()
        stream: Stream | None = None
        try:
            async with asyncio.timeout(timeout):
                address, connected = await connect_first(addresses, port, self._stagger_s)
                stream = Stream(connected)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            raise httpcore2.ConnectError(error) from error
        finally:
            if stream is None:  # also where the call gave up: an address that takes nothing may be an old one
                self._addresses.hasten(host)
        self._addresses.prefer(host, address)
        return stream
