"""The way to the CRM looked at piece by piece, for people who search a fault: name, connection, certificate, clock.

Its rules: no call ever comes through here; nothing is cached or kept; every fault is a `WayError` in plain words, the
same words that trails hold (crm.faults). Deadlines are the caller's: everything here may be cancelled at any moment.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiodns
import httpcore2
import httpx2

from fallbackrouter.core.call import INIT
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.crm.faults import reason_of
from fallbackrouter.crm.link import Link, TooManyBytesError
from fallbackrouter.crm.network import Network
from fallbackrouter.crm.race import connect_first
from fallbackrouter.crm.resolver import TRIES, TRY_S, Addresses
from fallbackrouter.crm.tls import Tls
from fallbackrouter.crm.transport import Transport


class WayError(Exception):
    """A piece of the way does not work; the text says why, in a few plain words."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: host and port, and whether TLS is spoken there."""

    host: str
    port: int
    secure: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One address of a name, and for how many seconds the name server lets it be kept; 0 from a hosts file."""

    address: str
    ttl_s: float


def place_of(url: str, token: str = "") -> Place:
    """Return where `crm.url` leads.

    Raises:
        ConfigError: the URL or the token cannot be used.
    """
    endpoint = Endpoint(url, token)
    port = httpx2.URL(endpoint.url_of(INIT)).port
    return Place(endpoint.host, port or (443 if endpoint.secure else 80), endpoint.secure)


async def look_up(host: str, nameservers: Sequence[str] = ()) -> list[Found]:
    """Look a name up once, as the service's resolver does.

    Args:
        nameservers: `address` or `address:port`; empty: the machine's.

    Raises:
        WayError: nothing was found; the text is the name server's reason.
    """
    dns = aiodns.DNSResolver(nameservers or None, asyncio.get_running_loop(), timeout=TRY_S, tries=TRIES)
    try:
        nodes = (await dns.getaddrinfo(host, type=socket.SOCK_STREAM)).nodes
    except aiodns.error.DNSError as error:
        raise WayError(str(error.args[-1]) if error.args else "the look-up failed") from None
    finally:
        await dns.close()
    found = {_text(node.addr[0]): float(node.ttl) for node in nodes}
    if not found:
        raise WayError("the name has no address")
    return [Found(address, ttl_s) for address, ttl_s in found.items()]


def _text(address: bytes | str) -> str:
    return address.decode() if isinstance(address, bytes) else address


@asynccontextmanager
async def connected(address: str, port: int) -> AsyncIterator[Link]:
    """Give a TCP connection to a literal address.

    Raises:
        WayError: it takes no connection.
    """
    try:
        _, connection = await connect_first((address,), port)
    except OSError as error:
        raise _way_error(error) from None
    link = Link(connection)
    try:
        yield link
    finally:
        link.close()


async def expiry(link: Link, host: str, context: ssl.SSLContext) -> datetime:
    """Run a TLS handshake, which verifies the certificate for the name, and return when it expires (UTC).

    Raises:
        WayError: the handshake failed or the certificate is not acceptable.
    """
    tls = Tls(link, context, host)
    try:
        await tls.shake_hands()
    except TooManyBytesError:
        raise WayError("the handshake is longer than allowed") from None
    except OSError as error:
        raise _way_error(error) from None
    certificate = tls.object.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


async def told_time(url: str, token: str, addresses: Addresses, context: ssl.SSLContext | None) -> datetime | None:
    """Return what time the CRM has, by its answer's Date header (UTC, whole seconds); None where it tells none.

    Raises:
        WayError: it could not be asked.
        ConfigError: the URL or the token cannot be used.
    """
    endpoint = Endpoint(url, token)
    transport = Transport(Network(addresses), context=context, max_connections=1, keepalive_s=0)
    async with httpx2.AsyncClient(
        transport=transport, headers=endpoint.headers, timeout=None, follow_redirects=False, trust_env=False
    ) as http:
        answer = await _sent(http.send(http.build_request("HEAD", endpoint.url_of(INIT)), stream=True))
        await answer.aclose()
    return _read_date(answer.headers.get("date", ""))


async def _sent(sending: Awaitable[httpx2.Response]) -> httpx2.Response:
    try:
        return await sending
    except Exception as error:  # noqa: BLE001 - whatever broke, the person who looks is told in plain words
        raise WayError(reason_of(error)) from None


def _read_date(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def _way_error(error: OSError) -> WayError:
    return WayError(reason_of(httpcore2.ConnectError(error)))
