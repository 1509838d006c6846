"""Fetches audio that routes name by URL, into whatever takes its pieces.

Its rules: known hosts alone, and our token only for the origins that it is meant for; no redirects; what a server says
of size and type is believed where it speaks against itself, and checked where it does not; every piece is counted, on
the wire too; every wait ends. A URL is told without its query, which may hold a secret.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import httpx2

from fallbackrouter import __version__
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.origin import host_of, origin_of
from fallbackrouter.core.route import is_audio_url, printable
from fallbackrouter.crm.faults import is_ours, reason_of
from fallbackrouter.crm.network import NO_ADDRESS, Network
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.crm.stream import Stream, TooLongError
from fallbackrouter.crm.tls import make_context
from fallbackrouter.crm.transport import Transport
from fallbackrouter.log import get_log

log = get_log("crm")

MAX_CONNECTIONS = 4
PIECE_BYTES = 262_144
"""So much is handed on at a time."""
MAX_TAG_CHARS = 1_000
_FRAMING_BYTES = 262_144
_OK, _NOT_MODIFIED = 200, 304
_KINDS = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/ogg", "application/x-ogg"})
_WORDS = {
    401: "our token is refused",
    403: "our token is refused",
    404: "there is no such file",
    410: "there is no such file any more",
}

Sink = Callable[[bytes], Awaitable[None]]


class AudioError(FallbackrouterError):
    """Audio could not be fetched; the text says why in a few plain words."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was told of audio when it was fetched last: its ETag and Last-Modified, "" where nothing was."""

    etag: str = ""
    modified: str = ""


def shown(url: str) -> str:
    """Return a URL for people and logs: without its query."""
    bare, query, _ = url.partition("?")
    return printable(bare, 200) + ("?…" if query else "")


class AudioClient:
    """Fetches audio.

    Args:
        hosts: those that may be asked.
        tokens: origin (`https://crm.example:443`) -> the token that is sent there.
        private: origins that are asked with the CRM's own certificates.
        resolver: knows the hosts' addresses; the client has it watch them.
        ca_file, client_cert, client_key: as of questions, for the private origins.
        max_bytes: of one file.
        within_s: for one file, whatever happens.
    """

    def __init__(
        self,
        *,
        hosts: Collection[str],
        tokens: Mapping[str, str],
        private: Collection[str],
        resolver: Resolver,
        max_bytes: int,
        within_s: float,
        ca_file: str = "",
        client_cert: str = "",
        client_key: str = "",
    ) -> None:
        self._hosts = frozenset(hosts)
        self._tokens = tokens
        self._private = frozenset(private)
        self._resolver = resolver
        self._max_bytes = max_bytes
        self._within_s = within_s
        self._public_http = self._make(resolver)
        self._private_http = self._make(resolver, ca_file, client_cert, client_key)
        for host in self._hosts:
            resolver.watch(host)

    def _make(self, resolver: Resolver, *files: str) -> httpx2.AsyncClient:
        transport = Transport(
            Network(resolver), context=make_context(*files), max_connections=MAX_CONNECTIONS, keepalive_s=0.0
        )
        headers = {
            "User-Agent": f"fallbackrouter/{__version__}",
            "Accept": "audio/*, application/ogg;q=0.9, application/octet-stream;q=0.5",
            "Accept-Encoding": "identity",
        }
        return httpx2.AsyncClient(
            transport=transport, headers=headers, timeout=None, follow_redirects=False, trust_env=False
        )

    async def fetch(self, url: str, known: Known, sink: Sink) -> Known | None:
        """Fetch audio, piece by piece.

        Args:
            known: what was told the last time; the answer may be that it is the same.

        Returns:
            What is told of it now; None where it is the same, and nothing was handed on.

        Raises:
            AudioError: it cannot be had; what was handed on so far is of no use.
        """
        host = self._check(url)
        if not self._resolver.addresses(host):
            await self._resolver.settle(self._within_s / 4)
        if not self._resolver.addresses(host):
            raise AudioError(f"{NO_ADDRESS} of {host} is known")
        work = asyncio.ensure_future(self._fetch(url, known, sink))
        try:
            await asyncio.wait({work}, timeout=self._within_s)
            if work.done():
                return work.result()
        except AudioError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke, it is put into words and tried again later
            raise AudioError(self._reason(error)) from None
        finally:
            work.cancel()
        raise AudioError(f"it did not come within {self._within_s:g} s (prompts.fetch_s)")

    def _check(self, url: str) -> str:
        """Return the URL's host.

        Raises:
            AudioError: it is none that is fetched from.
        """
        host = host_of(url) if is_audio_url(url) else ""
        if not host:
            raise AudioError("it is no URL of audio")
        if host not in self._hosts:
            raise AudioError(f"{host} is not in prompts.hosts")
        return host

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TooLongError):
            return self._too_large()
        if is_ours(error):
            log.error("fetching audio failed in our own code", exc_info=error)
        return reason_of(error)

    def _too_large(self) -> str:
        return f"it is larger than {self._max_bytes / 1e6:g} MB (prompts.max_file_mb)"

    async def _fetch(self, url: str, known: Known, sink: Sink) -> Known | None:
        origin = origin_of(url)
        http = self._private_http if origin in self._private else self._public_http
        token = self._tokens.get(origin, "")
        told = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
        headers = {name: value for name, value in told.items() if value}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        response = await http.send(http.build_request("GET", url, headers=headers), stream=True)
        try:
            if response.status_code == _NOT_MODIFIED and (known.etag or known.modified):
                return None
            self._check_head(response)
            await self._hand_on(response, sink)
        finally:
            await response.aclose()
        return Known(_short(response.headers.get("etag", "")), _short(response.headers.get("last-modified", "")))

    def _check_head(self, response: httpx2.Response) -> None:
        status, headers = response.status_code, response.headers
        if status != _OK:
            raise AudioError(f"its server answered {status}: {_WORDS.get(status, 'see its log')}")
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise AudioError("it is compressed, which was not asked for")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _KINDS and not kind.startswith("audio/"):
            raise AudioError(f"its server says that it is {printable(kind, 60)}, which is no audio")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._max_bytes:
            raise AudioError(self._too_large())

    async def _hand_on(self, response: httpx2.Response, sink: Sink) -> None:
        stream = response.extensions["network_stream"]
        if isinstance(stream, Stream):
            stream.allow(self._max_bytes + self._max_bytes // 8 + _FRAMING_BYTES)
        held, total = bytearray(), 0
        received: AsyncGenerator[bytes, None]
        async with aclosing(response.aiter_raw()) as received:
            async for piece in received:
                total += len(piece)
                if total > self._max_bytes:
                    raise AudioError(self._too_large())
                held += piece
                if len(held) >= PIECE_BYTES:
                    await sink(bytes(held))
                    held.clear()
        await sink(bytes(held))

    async def close(self) -> None:
        """Close all connections."""
        await self._public_http.aclose()
        await self._private_http.aclose()


def _short(text: str) -> str:
    return text if len(text) <= MAX_TAG_CHARS and text.isascii() and text.isprintable() else ""
