"""What went wrong, as RFC 9457 has it: for programs, and for the console's scripts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from fallbackrouter.core.errors import ControlError, FallbackrouterError, StoreError

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A request that is not carried out.

    Args:
        status: HTTP's.
        detail: one sentence that says what to do.
        more: further members of the document.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more
        super().__init__(detail)

    def response(self) -> Response:
        """Return the answer that tells of it."""
        document = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail, **self.more}
        return Response(msgspec.json.encode(document), self.status, self.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """Return what a refusal of ours is to whoever asked by HTTP."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ControlError | StoreError):
        return Problem(503, str(error), {"Retry-After": "5"})
    if isinstance(error, FallbackrouterError):
        return Problem(422, str(error))
    return Problem(500, "this went wrong in our own code; the log says what, and the service is not affected")
