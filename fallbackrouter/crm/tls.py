"""TLS to the CRM: the context, built once, and the handshake and records over a link.

Its rules: the certificate is checked for the name in the URL, whatever address took the connection; no handshake
outlives its task; at a cut connection the bytes simply end, as HTTP's own framing tells whether an answer is whole.
"""

import ssl
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fallbackrouter.core.errors import ConfigError
from fallbackrouter.crm.link import Link

HANDSHAKE_BYTES = 131_072
"""The most that a server may send before the handshake is done; a long chain of certificates takes some 10 kB."""
RECORD_BYTES = 17_408
"""The most that has to come in before the first byte can be read: a record, with its frame, and session tickets."""

_Result = TypeVar("_Result")


def make_context(ca_file: str = "", client_cert: str = "", client_key: str = "") -> ssl.SSLContext:
    """Build the context; costs some 50 ms, so once at start.

    Args:
        ca_file: PEM; trusted in place of the machine's authorities. "": those.
        client_cert: PEM, for mutual TLS; "" without.
        client_key: PEM; "" where `client_cert` holds the key too.

    Raises:
        ConfigError: a file cannot be read or is no PEM file.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        raise ConfigError(f"crm.ca_file {ca_file} cannot be used ({_why(error)}): name a PEM file") from error
    if ca_file:  # private authorities often lack the key identifiers that Python 3.13 began to ask for
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if client_cert:
        try:
            context.load_cert_chain(client_cert, client_key or None, password=_no_password)
        except (OSError, ValueError) as error:
            files = f"crm.client_cert {client_cert} with crm.client_key {client_key or client_cert}"
            raise ConfigError(f"{files} cannot be used ({_why(error)}): name PEM files, without a password") from error
    return context


def _no_password() -> str:
    """Answer OpenSSL's question for a password, which would else wait for a terminal."""
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").lower().replace("_", " ")
    return error.strerror if isinstance(error, OSError) and error.strerror else "not PEM"


class Tls:
    """TLS over a link; one task at a time.

    Args:
        server_hostname: the name in the URL.
    """

    def __init__(self, link: Link, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._link = link
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    async def shake_hands(self) -> None:
        """Run the handshake.

        Raises:
            ssl.SSLError: the certificate or the protocol is not acceptable.
            OSError, TooManyBytesError: as the link does.
        """
        self._link.expect(HANDSHAKE_BYTES)
        await self._drive(self.object.do_handshake)

    async def receive(self, max_bytes: int) -> bytes:
        """Return what came in, b"" at the end, with or without TLS' own goodbye."""
        try:
            return await self._drive(partial(self.object.read, max_bytes))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            left = left[await self._drive(partial(self.object.write, left)) :]

    async def _drive(self, step: Callable[[], _Result]) -> _Result:
        """Repeat a step until it has the bytes that it needs; send what it has to say."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._link.send(self._outgoing.read())

    async def _fill(self) -> None:
        data = await self._link.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
