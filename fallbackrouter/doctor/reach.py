"""The way to the CRM: does each of its addresses take a connection, and is its certificate good, and for how long?"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fallbackrouter.clock import Clock
from fallbackrouter.crm.inspect import Place, WayError, connected, expiry
from fallbackrouter.crm.link import Link
from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.doctor.names import age, nowhere

TCP = "tcp"
TLS = "tls"
CONNECT_S = 3.0
SHAKE_S = 5.0
EXPIRES_SOON = timedelta(days=14)
_TCP_REMEDY = "check the firewall and the port in crm.url, and that the CRM runs"
_TLS_REMEDY = (
    "have the CRM's certificate renewed or made for the name in crm.url; a private authority belongs into crm.ca_file"
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Connects to every address of the CRM, side by side.

    Attributes:
        context: as the service's; None where the URL is http.
    """

    place: Place
    context: ssl.SSLContext | None
    clock: Clock

    async def tcp(self, addresses: Sequence[str]) -> list[Finding]:
        """Tell of each address whether it takes a connection."""
        return _one_is_enough(await asyncio.gather(*map(self._tcp, addresses))) or nowhere(TCP)

    async def _tcp(self, address: str) -> Finding:
        where = f"{address} port {self.place.port}"
        started_s = self.clock.now_s()
        try:
            async with asyncio.timeout(CONNECT_S), connected(address, self.place.port):
                return ok(TCP, f"{where} takes connections, {1000 * (self.clock.now_s() - started_s):.0f} ms")
        except WayError as error:
            return fail(TCP, f"{where}: {error}", _TCP_REMEDY)
        except TimeoutError:
            return fail(TCP, f"{where} does not answer within {CONNECT_S:g} s", _TCP_REMEDY)

    async def tls(self, addresses: Sequence[str]) -> list[Finding]:
        """Tell of each address whether its certificate is good for the CRM's name, and for how long."""
        if self.context is None:
            return [skip(TLS, "crm.url is http, so nothing is encrypted")]
        return list(await asyncio.gather(*(self._tls(one, self.context) for one in addresses))) or nowhere(TLS)

    async def _tls(self, address: str, context: ssl.SSLContext) -> Finding:
        where = f"{address} port {self.place.port}"
        try:
            async with asyncio.timeout(CONNECT_S + SHAKE_S), connected(address, self.place.port) as link:
                return await self._shake_hands(where, link, context)
        except (WayError, TimeoutError):
            return skip(TLS, f"{where} takes no connection")

    async def _shake_hands(self, where: str, link: Link, context: ssl.SSLContext) -> Finding:
        try:
            async with asyncio.timeout(SHAKE_S):
                expires_at = await expiry(link, self.place.host, context)
        except WayError as error:
            return fail(TLS, f"{where}: {error}", _TLS_REMEDY)
        except TimeoutError:
            return fail(TLS, f"{where} does not finish the handshake within {SHAKE_S:g} s", _TLS_REMEDY)
        return self._lasting(where, expires_at)

    def _lasting(self, where: str, expires_at: datetime) -> Finding:
        left = expires_at - self.clock.now_at()
        what = f"{where}: the certificate is good for {self.place.host} until {expires_at:%Y-%m-%d}, {age(left)} more"
        if left < EXPIRES_SOON:
            return warn(TLS, what, "have the CRM's certificate renewed before it expires")
        return ok(TLS, what)


def _one_is_enough(findings: Sequence[Finding]) -> list[Finding]:
    """Make warnings of failures where another address takes connections: questions then go there."""
    if not any(finding.level == "ok" for finding in findings):
        return list(findings)
    return [
        warn(TCP, finding.what, f"{_TCP_REMEDY}; questions go to the other addresses")
        if finding.level == "fail"
        else finding
        for finding in findings
    ]
