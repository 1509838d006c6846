"""`/events`: what the CRM has not been told, how that went, and another try or the end of it."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.acts import events as acts
from fallbackrouter.admin.body import read_fields
from fallbackrouter.admin.guard import form_of, visitor_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import BAD, GOOD, acted
from fallbackrouter.admin.pages.page import page, words_of
from fallbackrouter.admin.problem import Problem
from fallbackrouter.store.event_changes import GIVEN_UP, OPEN, Chosen
from fallbackrouter.store.events_read import list_events, show_event

PATH = "/events"
STATES = ("pending", "dead", "refused", "delivered", "dropped")
MOST = 100
"""So many are shown; each may have a check box, and a form has a bound."""
MAX_CALL_CHARS = 200


class Events:
    """Answers what is under `/events`."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def page(self, request: Request) -> Response:
        """Events, newest first: `state` (without one: those that are open), `call`."""
        state, call = request.query_params.get("state", ""), request.query_params.get("call", "")[:MAX_CALL_CHARS]
        if state and state not in STATES:
            raise Problem(422, f"state is one of {', '.join(STATES)}")
        rows = await self._house.quick.run(self._rows, state, call)
        values: dict[str, Any] = {
            "state": state,
            "call": call,
            "states": STATES,
            "open_states": OPEN,
            "given_up": GIVEN_UP,
        }
        return page(request, "events.html", rows=rows, most=MOST, **values)

    def _rows(self, state: str, call: str) -> list[dict[str, Any]]:
        states = (state,) if state or call else OPEN
        journal = self._house.office.journal

        async def found() -> list[dict[str, Any]]:
            return [row for one in states for row in await list_events(journal, limit=MOST, state=one, call=call)]

        return sorted(asyncio.run(found()), key=lambda row: str(row["event_id"]), reverse=True)[:MOST]

    async def one(self, request: Request) -> Response:
        """One event, with what became of its delivery."""
        event_id = request.path_params["id"]

        def row() -> dict[str, Any] | None:
            return asyncio.run(show_event(self._house.office.journal, event_id))

        found = await self._house.quick.run(row)
        if found is None:
            raise Problem(404, f"there is no event {event_id[:60]}")
        return page(request, "event.html", event=found, open_states=OPEN, given_up=GIVEN_UP)

    async def retry(self, request: Request) -> Response:
        """Try again those that are ticked, or all that are in the state that the button names."""
        form = await form_of(request)
        state = form.get("all", "")
        if state and state not in GIVEN_UP:
            raise Problem(422, f"only {' and '.join(GIVEN_UP)} events can be tried again")
        chosen = Chosen((), (state,)) if state else Chosen(await _ticked(request), GIVEN_UP)
        words = words_of(request)
        if not state and not chosen.event_ids:
            return acted(request, words.t("Tick the events that are meant first."), _back(form), mood=BAD)
        count, waits = await acts.retry(self._house, visitor_of(request), chosen)
        said = words.n("{count} event is tried again", "{count} events are tried again", count=count)
        return acted(request, f"{said}: {words.told(waits)}" if waits else f"{said}.", _back(form))

    async def drop(self, request: Request) -> Response:
        """Give up those that are ticked, once it is confirmed."""
        form = await form_of(request)
        words, ticked = words_of(request), await _ticked(request)
        if not ticked:
            return acted(request, words.t("Tick the events that are meant first."), _back(form), mood=BAD)
        if form.get("sure") != "yes":
            return page(request, "events_drop.html", event_ids=ticked, back=_back(form), seen=_seen(form))
        count = await acts.drop(self._house, visitor_of(request), Chosen(ticked, OPEN))
        said = words.n("{count} event is given up.", "{count} events are given up.", count=count)
        return acted(request, said, _back(form), mood=GOOD)


async def _ticked(request: Request) -> tuple[str, ...]:
    fields = await read_fields(request)
    return tuple(dict.fromkeys(value[:MAX_CALL_CHARS] for name, value in fields if name == "event"))


def _seen(form: dict[str, str]) -> dict[str, str]:
    """Return what the page of the form was asked for."""
    return {name: form.get(f"seen_{name}", "") for name in ("state", "call")}


def _back(form: dict[str, str]) -> str:
    """Return the page that the form stood on."""
    query = urlencode({name: value for name, value in _seen(form).items() if value})
    return f"{PATH}?{query}" if query else PATH
