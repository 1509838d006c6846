"""Joins pages, API and health to one ASGI app; everything passes the gate first."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.api.ajam import Ajam, ajam_routes
from fallbackrouter.admin.api.table import api_routes
from fallbackrouter.admin.gate import Gate
from fallbackrouter.admin.health import health_routes
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.routes import page_routes
from fallbackrouter.admin.pages.trouble import told
from fallbackrouter.admin.problem import Problem

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def build_app(house: House) -> Starlette:
    """Return the app."""
    routes: list[BaseRoute] = [
        *health_routes(house),
        *api_routes(house),
        *ajam_routes(Ajam(house)),
        *page_routes(house),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Gate, accounts=house.accounts, secure=house.secure)],
        exception_handlers={HTTPException: _told},
    )
    app.state.zone = house.office.zone
    return app


async def _told(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentences = {
        404: f"there is nothing at {request.url.path[:200]}",
        405: f"{request.method[:20]} is not for {request.url.path[:200]}",
    }
    return told(request, Problem(error.status_code, sentences.get(error.status_code, error.detail), error.headers))
