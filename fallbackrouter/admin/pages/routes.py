"""Which pages there are, and what each of them needs."""

from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.ask import Ask
from fallbackrouter.admin.pages.calls import Calls
from fallbackrouter.admin.pages.changing import changing_routes
from fallbackrouter.admin.pages.files import static_file
from fallbackrouter.admin.pages.login import login, logout
from fallbackrouter.admin.pages.now import Now
from fallbackrouter.admin.visitor import OPERATE, READ

SLOW_S = 60.0
"""What asking all tiers of a large route table may take, waiting for its turn included."""


def page_routes(house: House) -> list[BaseRoute]:
    """Return the routes; what changes something is `methods=["POST"]` and needs operate or edit."""
    now, calls, ask = Now(house), Calls(house), Ask(house)
    return [
        Route("/login", login(house), methods=["GET", "POST"]),
        Route("/logout", guarded(READ, logout(house)), methods=["POST"]),
        Route("/static/{name:path}", guarded(READ, static_file)),
        Route("/", guarded(READ, now.page)),
        Route("/now/times", guarded(READ, now.times)),
        Route("/now/stream", guarded(READ, now.stream)),
        Route("/calls", guarded(READ, calls.page)),
        Route("/calls/stream", guarded(READ, calls.stream)),
        Route("/calls/{id}", guarded(READ, calls.one)),
        Route("/calls/{id}/today", guarded(READ, calls.today, SLOW_S)),
        Route("/ask", guarded(READ, ask.page, SLOW_S)),
        Route("/ask/live", guarded(OPERATE, ask.live), methods=["POST"]),
        *changing_routes(house),
    ]
