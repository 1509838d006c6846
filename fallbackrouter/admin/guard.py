"""Wraps what answers a request: with the scope that it needs, the proof that a change is meant, and its time."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.body import is_form, read_form
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.secret import same
from fallbackrouter.admin.visitor import Visitor

Handler = Callable[[Request], Awaitable[Response]]

WITHIN_S = 30.0
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD"})


def guarded(scope: str, handler: Handler, within_s: float | None = WITHIN_S) -> Handler:
    """Return a handler that answers those alone who may do what the scope says.

    A change by a login brings its CSRF token along, in the header or in the form's field `csrf`, whatever answers it.

    Args:
        within_s: how long it may take; None for what goes on as long as somebody listens.
    """

    async def handle(request: Request) -> Response:
        visitor = visitor_of(request)
        if not visitor.may(scope):
            raise Problem(403, f"this needs the scope {scope}, which {visitor.name} does not have")
        if request.method not in _SAFE and visitor.csrf:
            check_origin(request)
            await _check_csrf(request, visitor)
        try:
            async with asyncio.timeout(within_s):
                return await handler(request)
        except TimeoutError:
            raise Problem(
                503, f"this took longer than {within_s:g} s and was given up; try again", {"Retry-After": "10"}
            ) from None

    return handle


def visitor_of(request: Request) -> Visitor:
    """Return who asks.

    Raises:
        Problem: nobody who has proven it.
    """
    visitor = request.scope["state"].get("visitor")
    if not isinstance(visitor, Visitor):
        raise Problem(401, "log in first")
    return visitor


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of the form that was sent, without its token.

    Raises:
        Problem: there is none.
    """
    if not hasattr(request.state, "form"):
        request.state.form = await read_form(request)
    form: dict[str, str] = request.state.form
    return {name: value for name, value in form.items() if name != "csrf"}


async def _check_csrf(request: Request, visitor: Visitor) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and is_form(request):
        await form_of(request)
        given = request.state.form.get("csrf")
    if not same(given or "", visitor.csrf):
        raise Problem(403, "this change does not come from a page of this console; load the page again and retry")


def check_origin(request: Request) -> None:
    """Raise Problem where a browser says that another site sends this."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host", "")
    if site not in {"none", "same-origin"} or foreign:
        raise Problem(403, "this comes from another site")
