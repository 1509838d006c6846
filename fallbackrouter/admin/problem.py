"""What went wrong, as RFC 9457 has it: for programs, and for the console's scripts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from fallbackrouter.core.errors import ControlError, FallbackrouterError, MissingError, RefusedError, StoreError
from fallbackrouter.office.rules import problem_json
from fallbackrouter.rulesfile.desk import UncheckedError

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


_STATUSES: tuple[tuple[type[FallbackrouterError], int], ...] = (
    (MissingError, 404),
    (RefusedError, 409),
    (ControlError, 503),
    (StoreError, 503),
    (FallbackrouterError, 422),
)
"""What our refusals are to whoever asked by HTTP; the first that fits counts."""


def problem_of(error: Exception) -> Problem:
    """Return what a refusal of ours is to whoever asked by HTTP."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UncheckedError):
        return Problem(422, str(error), problems=[problem_json(one) for one in error.problems])
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return Problem(status, str(error), {"Retry-After": "5"} if status == 503 else {})  # noqa: PLR2004 - HTTP's
    return Problem(500, "this went wrong in our own code; the log says what, and the service is not affected")
