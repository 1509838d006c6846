"""Which pages there are, and what each of them needs."""

from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.files import static_file
from fallbackrouter.admin.pages.login import login, logout
from fallbackrouter.admin.pages.now import now
from fallbackrouter.admin.visitor import READ


def page_routes(house: House) -> list[BaseRoute]:
    """Return the routes; what changes something is `methods=["POST"]` and needs operate or edit."""
    return [
        Route("/login", login(house), methods=["GET", "POST"]),
        Route("/logout", guarded(READ, logout(house)), methods=["POST"]),
        Route("/static/{name:path}", guarded(READ, static_file)),
        Route("/", guarded(READ, now(house))),
    ]
