"""Joins pages, API and health to one ASGI app; everything passes the gate first."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.api.ajam import Ajam, ajam_routes
from fallbackrouter.admin.api.calls import CallDoor, call_routes
from fallbackrouter.admin.gate import Gate
from fallbackrouter.admin.health import health_routes
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.routes import page_routes
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.threads import Threads

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def build_app(house: House) -> Starlette:
    """Return the app."""
    door = CallDoor(house.calls, Threads("calls", 1, 200), house.snapshot)
    ajam = Ajam(door, house.accounts, house.clock)
    routes: list[BaseRoute] = [
        *health_routes(house),
        *page_routes(house),
        *call_routes(door),
        *ajam_routes(ajam),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Gate, accounts=house.accounts, secure=house.secure)],
        exception_handlers={HTTPException: _told},
    )


async def _told(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 404:  # noqa: PLR2004 - HTTP's
        return Problem(404, f"there is nothing at {request.url.path[:200]}", headers).response()
    if status == 405:  # noqa: PLR2004 - HTTP's
        return Problem(405, f"{request.method[:20]} is not for {request.url.path[:200]}", headers).response()
    return Problem(status, str(getattr(error, "detail", "it was refused")), headers).response()
