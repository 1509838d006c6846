"""A question as it goes out: method, URL, headers and body, as httpcore2 takes them.

The headers are those that httpx2 would send, in its order; what is the same for all questions is made once.
"""

from functools import lru_cache
from typing import NamedTuple

import httpcore2
import httpx2

from fallbackrouter.crm.endpoint import Endpoint

_STAGES = 64

Headers = tuple[tuple[bytes, bytes], ...]


class Asked(NamedTuple):
    """A request that is ready to be sent."""

    method: bytes
    url: httpcore2.URL
    headers: Headers
    content: bytes


class Requests:
    """Makes requests to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._headers = endpoint.headers
        self._to = lru_cache(_STAGES)(self._address)

    def question(self, url: str, content: bytes, budget_ms: int) -> Asked:
        """Make a question.

        Args:
            content: JSON.
            budget_ms: what the CRM is told of the time that it has.
        """
        address, headers = self._to(url)
        own = (
            (b"Content-Length", b"%d" % len(content)),
            (b"Content-Type", b"application/json"),
            (b"X-Budget-Ms", b"%d" % budget_ms),
        )
        return Asked(b"POST", address, (*headers, *own), content)

    def plain(self, method: str, url: str) -> Asked:
        """Make a request without a body."""
        return Asked(method.encode(), *self._to(url), b"")

    def _address(self, url: str) -> tuple[httpcore2.URL, Headers]:
        """Return where a request goes, and the headers of all that go there."""
        request = httpx2.Request("GET", url, headers={**self._headers, "Connection": "keep-alive"})
        parsed = request.url
        address = httpcore2.URL(
            scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
        )
        return address, tuple(request.headers.raw)
