"""Which pages there are of what people change: rules, events, calls of the CRM, drills."""

from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.api.operation import SLOW_S
from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.drill import Drill
from fallbackrouter.admin.pages.events import Events
from fallbackrouter.admin.pages.made import Made
from fallbackrouter.admin.pages.rule_file import RuleFiles
from fallbackrouter.admin.pages.rules import Rules
from fallbackrouter.admin.visitor import EDIT, OPERATE, READ


def changing_routes(house: House) -> list[BaseRoute]:
    """Return the routes."""
    return [*_rules_routes(house), *_events_routes(house), *_made_routes(house), *_drill_routes(house)]


def _rules_routes(house: House) -> list[BaseRoute]:
    rules, files = Rules(house), RuleFiles(house)
    return [
        Route("/rules", guarded(READ, rules.page, SLOW_S)),
        Route("/rules/compare", guarded(READ, rules.compare, SLOW_S)),
        Route("/rules/new", guarded(READ, rules.new)),
        Route("/rules/apply", guarded(EDIT, rules.apply, SLOW_S), methods=["POST"]),
        Route("/rules/rollback", guarded(EDIT, rules.rollback, SLOW_S), methods=["POST"]),
        Route("/rules/pin", guarded(EDIT, rules.pin, SLOW_S), methods=["POST"]),
        Route("/rules/unpin", guarded(EDIT, rules.unpin, SLOW_S), methods=["POST"]),
        Route("/rules/files/{name}", guarded(READ, files.page)),
        Route("/rules/files/{name}", guarded(EDIT, files.save, SLOW_S), methods=["POST"]),
        Route("/rules/files/{name}/try", guarded(READ, files.attempt, SLOW_S), methods=["POST"]),
    ]


def _events_routes(house: House) -> list[BaseRoute]:
    events = Events(house)
    return [
        Route("/events", guarded(READ, events.page)),
        Route("/events/{id}", guarded(READ, events.one)),
        Route("/events/retry", guarded(OPERATE, events.retry), methods=["POST"]),
        Route("/events/drop", guarded(OPERATE, events.drop), methods=["POST"]),
    ]


def _made_routes(house: House) -> list[BaseRoute]:
    made = Made(house)
    return [
        Route("/made", guarded(READ, made.page)),
        Route("/made/{id}", guarded(READ, made.one)),
        Route("/made/cancel", guarded(OPERATE, made.cancel), methods=["POST"]),
    ]


def _drill_routes(house: House) -> list[BaseRoute]:
    drill = Drill(house)
    return [
        Route("/drill", guarded(READ, drill.page)),
        Route("/drill/begin", guarded(OPERATE, drill.begin), methods=["POST"]),
        Route("/drill/end", guarded(OPERATE, drill.end), methods=["POST"]),
    ]
