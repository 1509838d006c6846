"""Decisions and events as a router makes them, for tests of what keeps them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Event, Step, Times
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.outcall import OutCall, Wanted
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import Hit, Miss, TimedOut

AT = datetime(2026, 3, 2, 10, 0, 0, 123_456, tzinfo=UTC)
ROUTE = Route((("app", "group"), ("num", "62"), ("time", "100")), (("CALLERID(name)", "Office"),))


def an_id(number: int) -> str:
    """Return an id in UUIDv7's shape; a higher number is a later id."""
    return f"019f0000-0000-7000-8000-{number:012x}"


def a_call(**changes: Any) -> Call:
    facts: dict[str, Any] = {
        "did": read_number("+7 495 111-11-11", None),
        "caller": read_number("89507533333", None),
        "call_id": "1700000000.1",
        "linked_id": "1700000000.1",
        "context": "from-trunk",
        "channel": "PJSIP/trunk-00000001",
    }
    return Call(**(facts | changes))


def a_decision(number: int, *, at: datetime = AT, route: Route = ROUTE, **of_the_call: Any) -> Decision:
    steps = (
        Step("live", TimedOut("no answer in 300 ms"), 300.12345),
        Step("synced", Miss(), 0.02),
        Step("fallback", Hit(route, "head office, in hours", None, ("quotes stripped from text",)), 0.03),
    )
    return Decision(
        decision_id=an_id(number),
        at=at,
        node="pbx1",
        call=a_call(**of_the_call),
        route=route,
        source="fallback",
        rule="head office, in hours",
        status="degraded",
        steps=steps,
        times=Times(read=1.5, walk=300.2, live_queue=0.1, live=300.0),
    )


def an_event(number: int, *, at: datetime = AT, decision_id: str = "", **of_the_call: Any) -> Event:
    return Event(an_id(number), at, "pbx1", a_call(**({"stage": "start"} | of_the_call)), decision_id)


def a_made_call(number: int, *, at: datetime = AT, crm_id: str = "", **wanted: Any) -> OutCall:
    """Return a call that the CRM wants made; what it wants is changed by the names of `Wanted`."""
    fields: dict[str, Any] = {
        "channel": "Local/632@inbound",
        "context": "outbound",
        "exten": "89507533333",
        "priority": "1",
        "caller": "74951111111",
        "caller_name": "",
        "variables": (("crm", "3D32599_CONTACT"),),
        "timeout_s": 30,
        "numbers": ("632", "89507533333"),
    }
    whole_ms = at.replace(microsecond=at.microsecond // 1000 * 1000)
    not_after = whole_ms + timedelta(seconds=60)
    return OutCall(an_id(number), whole_ms, "pbx1", "token crm", crm_id, Wanted(**(fields | wanted)), not_after)
