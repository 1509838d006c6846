"""`/`: what is going on now."""

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.guard import Handler
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.page import page


def now(house: House) -> Handler:
    """Answer `/`."""

    async def handle(request: Request) -> Response:
        return page(request, "now.html", status=200, service=await house.snapshot.latest_or_none())

    return handle
