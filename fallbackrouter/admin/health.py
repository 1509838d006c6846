"""`/healthz`, `/readyz`, `/status`, `/metrics`: what other programs watch."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.metrics import exposition
from fallbackrouter.admin.visitor import READ
from fallbackrouter.control.parts import readiness, summary

BUSY_S = 15.0
"""For so long the parent may be too busy to answer: no call waits for it, so they are answered meanwhile."""


def health_routes(house: House) -> list[BaseRoute]:
    """Return the routes."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        ready, words = readiness(await house.snapshot.latest_or_none(BUSY_S))
        return PlainTextResponse(f"{words}\n", 200 if ready else 503)

    async def status(_request: Request) -> Response:
        return JSONResponse({"v": 1, **summary(await house.snapshot.latest())})

    async def metrics(request: Request) -> Response:
        text, content_type = exposition(await house.snapshot.latest(), request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/status", guarded(READ, status)),
        Route("/metrics", guarded(READ, metrics)),
    ]
