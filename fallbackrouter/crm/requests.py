"""A question as it goes out.

The headers are those that httpx2 would send, in its order; what is the same for all questions is made once.
"""

from functools import lru_cache
from typing import NamedTuple

import httpx2

from fallbackrouter.crm.endpoint import Endpoint

_STAGES = 64


class Asked(NamedTuple):
    """A request that is ready to be sent.

    Attributes:
        bodiless: its answer has no body, whatever the answer's head says.
    """

    request: bytes
    bodiless: bool = False


class Requests:
    """Makes requests to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._headers = endpoint.headers
        self._begun = lru_cache(_STAGES)(self._begin)

    def question(self, url: str, content: bytes, budget_ms: int) -> Asked:
        """Make a question.

        Args:
            content: JSON.
            budget_ms: what the CRM is told of the time that it has.
        """
        rest = b"Content-Length: %d\r\nContent-Type: application/json\r\nX-Budget-Ms: %d\r\n\r\n%s"
        return Asked(self._begun("POST", url) + rest % (len(content), budget_ms, content))

    def plain(self, method: str, url: str) -> Asked:
        """Make a request without a body."""
        return Asked(self._begun(method, url) + b"\r\n", bodiless=method == "HEAD")

    def _begin(self, method: str, url: str) -> bytes:
        """Return how all requests to a URL begin; httpx2 has seen to it that nothing in there ends a line."""
        request = httpx2.Request(method, url, headers={**self._headers, "Connection": "keep-alive"})
        lines = [b"%s %s HTTP/1.1" % (method.encode(), request.url.raw_path)]
        lines += [b"%s: %s" % (name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
        return b"".join(line + b"\r\n" for line in lines)
