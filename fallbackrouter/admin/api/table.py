"""All operations, and the routes that come from them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.api import calls, decisions, events, rules, service
from fallbackrouter.admin.api.openapi import description_of
from fallbackrouter.admin.api.operation import PREFIX, Operation, handler_of, json_response
from fallbackrouter.admin.api.sync import sync_handler
from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.visitor import READ

OPERATIONS: tuple[Operation, ...] = (
    *decisions.OPERATIONS,
    *events.OPERATIONS,
    *rules.OPERATIONS,
    *service.OPERATIONS,
    *calls.OPERATIONS,
)


def api_routes(house: House) -> list[BaseRoute]:
    """Return the routes of the API."""
    description = description_of(OPERATIONS)

    async def described(_request: Request) -> Response:
        return json_response(description)

    return [
        *(Route(PREFIX + one.path, handler_of(house, one), methods=[one.method]) for one in OPERATIONS),
        Route(f"{PREFIX}/sync", sync_handler(house), methods=["POST"]),
        Route(f"{PREFIX}/openapi.json", guarded(READ, described)),
    ]
