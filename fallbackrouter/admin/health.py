"""`/healthz`, `/readyz`, `/status`, `/metrics`: what other programs watch."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.visitor import READ


def health_routes(house: House) -> list[BaseRoute]:
    """Return the routes."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        status = await house.snapshot.latest_or_none()
        ready = bool(status and status["ready"] and status["healthy"])
        return PlainTextResponse("ready\n" if ready else "not ready\n", 200 if ready else 503)

    async def status(_request: Request) -> Response:
        return JSONResponse(await house.snapshot.latest())

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/status", guarded(READ, status)),
    ]
