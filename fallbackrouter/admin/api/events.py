"""Operations on events: list, one, retry, drop."""

import asyncio
from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from fallbackrouter.admin.acts import events as acts
from fallbackrouter.admin.api.decisions import Limit, Text
from fallbackrouter.admin.api.operation import Asked, Fields, Operation
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import OPERATE, READ
from fallbackrouter.store.event_changes import GIVEN_UP, OPEN, Chosen
from fallbackrouter.store.events_read import list_events, show_event

State = Literal["", "pending", "delivered", "refused", "dead", "dropped"]


class EventsQuery(Fields, frozen=True):
    """Only events in this state, and of this call: its linked id, or a channel's id."""

    state: State = ""
    call: Text = ""
    limit: Limit = 50


class RetryBody(Fields, frozen=True):
    """Which events: all that is said of them has to hold, and something has to be said."""

    event_ids: Annotated[tuple[Text, ...], Meta(max_length=1000)] = ()
    state: Literal["", "refused", "dead"] = ""
    call: Text = ""


class DropBody(Fields, frozen=True):
    """Which events: all that is said of them has to hold, and something has to be said."""

    event_ids: Annotated[tuple[Text, ...], Meta(max_length=1000)] = ()
    state: Literal["", "pending", "refused", "dead"] = ""
    call: Text = ""


class Try(TypedDict):
    """An earlier try: when it began, how long it took, and what became of it."""

    at: str | None
    took_ms: int | None
    answer: str


class Event(TypedDict):
    """An event, as docs/journal.md has it."""

    v: int
    event_id: str
    at: str
    call_id: str
    linked_id: str
    seq: int
    stage: str
    state: str
    did: str
    caller: str
    attempts: int
    answer: str
    due_at: str | None
    tries: list[Try]
    details: dict[str, Any]
    test: bool


class Events(TypedDict):
    """Events, newest first."""

    events: list[Event]


class Changed(TypedDict):
    """How many were changed; what they wait for, where they are not sent yet."""

    changed: int
    waits: str


async def _list(asked: Asked) -> Any:
    query: EventsQuery = asked.query

    def rows() -> Any:
        found = list_events(asked.house.office.journal, limit=query.limit, state=query.state, call=query.call)
        return asyncio.run(found)

    return {"events": await asked.house.quick.run(rows)}


async def _one(asked: Asked) -> Any:
    event_id = asked.path["id"]

    def row() -> Any:
        return asyncio.run(show_event(asked.house.office.journal, event_id))

    found = await asked.house.quick.run(row)
    if found is None:
        raise Problem(404, f"there is no event {event_id[:60]}")
    return found


async def _retry(asked: Asked) -> Any:
    changed, waits = await acts.retry(asked.house, asked.visitor, _chosen(asked.body, GIVEN_UP))
    return {"changed": changed, "waits": waits}


async def _drop(asked: Asked) -> Any:
    return {"changed": await acts.drop(asked.house, asked.visitor, _chosen(asked.body, OPEN)), "waits": ""}


def _chosen(body: RetryBody | DropBody, possible: tuple[str, ...]) -> Chosen:
    if not (body.event_ids or body.state or body.call):
        raise Problem(422, "say which: event_ids, state or call")
    return Chosen(body.event_ids, (body.state,) if body.state else possible, body.call)


OPERATIONS = (
    Operation("GET", "/events", READ, "Events, newest first", _list, Events, query=EventsQuery),
    Operation("GET", "/events/{id}", READ, "One event", _one, Event, refusals=(404,)),
    Operation(
        "POST",
        "/events/retry",
        OPERATE,
        "Try dead and refused events again",
        _retry,
        Changed,
        body=RetryBody,
        refusals=(404,),
    ),
    Operation(
        "POST", "/events/drop", OPERATE, "Give up events for good", _drop, Changed, body=DropBody, refusals=(404,)
    ),
)
