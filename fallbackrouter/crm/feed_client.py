"""Fetches the pages of the routes feed, piece by piece.

Its rules: every wait has a deadline that is enforced here (asyncio.wait), as a page may be large but never silent; the
token goes to the host of `crm.routes_url` alone, so a `next` that points elsewhere is refused; no redirects; a
compressed body is unpacked within bounds; whatever else goes wrong is one sentence.

Source: docs/crm-contract.md, "Routes feed".
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urljoin

import httpx2

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import FeedError
from fallbackrouter.core.route import printable
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.crm.faults import is_ours, reason_of
from fallbackrouter.crm.inflate import Inflater
from fallbackrouter.crm.network import NO_ADDRESS, Network
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.crm.retry_after import retry_after_s
from fallbackrouter.crm.stream import Stream
from fallbackrouter.crm.tls import make_context
from fallbackrouter.crm.transport import Transport
from fallbackrouter.log import get_log

log = get_log("crm")

SILENCE_S = 30.0
"""A CRM that says nothing for so long is given up."""
MAX_PAGE_BYTES = 1_000_000_000
"""The most bytes of one page, unpacked."""
PAGE_S = 1800.0
"""The most that one page may take; a CRM that sends a byte now and then is no feed."""
MAX_ETAG_CHARS = 1000
MAX_WIRE_BYTES = MAX_PAGE_BYTES + 64_000_000
_OK, _NOT_MODIFIED = 200, 304
_GZIP = frozenset({"gzip", "x-gzip"})
_WORDS = {
    401: "the CRM refuses our token: see crm.token_file",
    403: "the CRM refuses our token: see crm.token_file",
    404: "the CRM knows no such page: see crm.routes_url",
    429: "the CRM asks us to come less often",
    503: "the CRM is overloaded or in maintenance",
}

T = TypeVar("T")


class FetchError(FeedError):
    """A page could not be had.

    Attributes:
        retry_after_s: how long the CRM asks to wait, None where it does not say.
    """

    def __init__(self, text: str, after_s: float | None = None) -> None:
        self.retry_after_s = after_s
        super().__init__(text)


@dataclass(slots=True)
class FeedPage:
    """One answer of the feed.

    Attributes:
        url: where it came from.
        unchanged: 304: it is still as the ETag that was sent says.
        etag: to be sent next time, "" without one.
        lines: it says that it is NDJSON.
    """

    url: str
    unchanged: bool
    etag: str
    lines: bool
    may_lack_end: bool = field(default=False, init=False)
    _response: httpx2.Response = field(repr=False)
    _until_s: float = field(repr=False)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body, unpacked, to its end.

        Raises:
            FetchError: it is cut, too large, too slow, or not what it says it is.
        """
        inflater = Inflater() if _encoding(self._response) in _GZIP else None
        total = 0
        async with aclosing(self._response.aiter_raw()) as received:
            while (raw := await self._next(received)) is not None:
                for piece in self._unpacked(raw, inflater):
                    total += len(piece)
                    if total > MAX_PAGE_BYTES:
                        raise FetchError(f"{self.url} is larger than {MAX_PAGE_BYTES // 1_000_000} MB: send pages")
                    yield piece
        if inflater is not None and not inflater.complete:
            raise FetchError(f"{self.url} was cut in the middle of its compressed answer")

    async def _next(self, received: AsyncGenerator[bytes, None]) -> bytes | None:
        left_s = self._until_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise FetchError(f"{self.url} did not end within {PAGE_S:g} s: send smaller pages")
        return await _in_time(anext(received, None), min(SILENCE_S, left_s), self.url)

    def _unpacked(self, raw: bytes, inflater: Inflater | None) -> list[bytes]:
        if inflater is None:
            return [raw]
        try:
            return list(inflater.feed(raw))
        except ValueError as error:
            raise FetchError(f"{self.url}: {error}") from None


class FeedClient:
    """The CRM, as the sync of routes sees it.

    Args:
        url: `crm.routes_url`.
        token: sent as `Authorization: Bearer`; "" for none.
        resolver: knows the host's addresses; the client has it watch the host.
        ca_file, client_cert, client_key: as of questions.

    Raises:
        ConfigError: the URL, the token or a file cannot be used.
    """

    def __init__(
        self, *, url: str, token: str, resolver: Resolver, clock: Clock, ca_file: str, client_cert: str, client_key: str
    ) -> None:
        self._endpoint = Endpoint(url, token, key="crm.routes_url")
        self._home = httpx2.URL(url)
        self._resolver = resolver
        self._clock = clock
        self._transport = Transport(
            Network(resolver),
            context=make_context(ca_file, client_cert, client_key) if self._endpoint.secure else None,
            max_connections=1,
            keepalive_s=SILENCE_S,
        )
        self._http = httpx2.AsyncClient(
            transport=self._transport,
            headers={
                **self._endpoint.headers,
                "Accept": "application/json, application/x-ndjson",
                "Accept-Encoding": "gzip",
            },
            timeout=None,
            follow_redirects=False,
            trust_env=False,
        )
        resolver.watch(self._endpoint.host)

    @property
    def host(self) -> str:
        """Whose addresses are needed."""
        return self._endpoint.host

    def first(self, cursor: str) -> str:
        """Return the URL to begin with: all routes for "", else what has changed since."""
        url = self._home.copy_merge_params({"cursor": cursor}) if cursor else self._home
        return str(url)

    def following(self, url: str, told: str) -> str:
        """Return the URL of the next page.

        Raises:
            FetchError: it is none, or one of another host, which gets no token of ours.
        """
        try:
            found = httpx2.URL(urljoin(url, told))
        except (httpx2.InvalidURL, ValueError):
            raise FetchError(f'"next" of {url} is no URL: {printable(told, 80)}') from None
        home = self._home
        if (found.scheme, found.raw_host, found.port) != (home.scheme, home.raw_host, home.port) or found.userinfo:
            raise FetchError(f'"next" of {url} points to another host, which gets no token of ours')
        return str(found)

    @asynccontextmanager
    async def page(self, url: str, etag: str = "") -> AsyncIterator[FeedPage]:
        """Fetch a page; its body is read inside.

        Args:
            etag: what is known already; the page may be `unchanged` then.

        Raises:
            FetchError: it cannot be had, in one sentence.
        """
        if not self._resolver.addresses(self._endpoint.host):
            raise FetchError(f"{url} cannot be fetched: {NO_ADDRESS} of {self._endpoint.host} is known")
        until_s = asyncio.get_running_loop().time() + PAGE_S
        request = self._http.build_request("GET", url, headers={"If-None-Match": etag} if etag else {})
        response = await _in_time(self._http.send(request, stream=True), SILENCE_S, url)
        try:
            yield self._page_of(url, response, until_s, known=bool(etag))
        finally:
            await response.aclose()

    def _page_of(self, url: str, response: httpx2.Response, until_s: float, *, known: bool) -> FeedPage:
        status, headers = response.status_code, response.headers
        unchanged = status == _NOT_MODIFIED and known
        if status != _OK and not unchanged:
            words = _WORDS.get(status, "see what the CRM's log says")
            raise FetchError(f"{url} was answered with {status}: {words}", retry_after_s(headers, self._clock.now_at()))
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if "html" in kind:
            raise FetchError(f"{url} was answered with a page for people (HTML), not with routes: see crm.routes_url")
        encoding = _encoding(response)
        if encoding not in ("", "identity") and encoding not in _GZIP:
            raise FetchError(f"{url} is compressed with {printable(encoding, 20)}; gzip is what we read")
        stream = response.extensions["network_stream"]
        if isinstance(stream, Stream):
            stream.allow(MAX_WIRE_BYTES)
        etag = headers.get("etag", "")
        return FeedPage(
            url, unchanged, etag if len(etag) <= MAX_ETAG_CHARS else "", "ndjson" in kind, response, until_s
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _encoding(response: httpx2.Response) -> str:
    return response.headers.get("content-encoding", "").strip().lower()


async def _in_time(work: Awaitable[T], within_s: float, url: str) -> T:
    """Wait for something of the client's, for so long at most, whatever the client does.

    Raises:
        FetchError: it took too long, or failed.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=within_s)
        if task.done():
            return task.result()
    except Exception as error:
        if is_ours(error):
            log.exception("fetching routes failed in our own code")
        raise FetchError(f"{url} cannot be fetched: {reason_of(error)}") from None
    finally:
        task.cancel()
    raise FetchError(f"{url}: the CRM said nothing for {within_s:.0f} s")
