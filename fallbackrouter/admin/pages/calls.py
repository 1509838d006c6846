"""`/calls`: decisions as they come and as they are looked for; `/calls/{id}`: one of them."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from fallbackrouter.admin.feed import Event, Feed
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import is_partial
from fallbackrouter.admin.pages.filters import Filters, filters_of
from fallbackrouter.admin.pages.page import drawn, page, words_of, zone_of
from fallbackrouter.admin.pages.timeline import timeline
from fallbackrouter.admin.pages.words import Words
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.streams import LOST, Stream, lost_words
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.office.explain import read_moment
from fallbackrouter.office.replay import decide, told
from fallbackrouter.store.decisions import Json, show_decision
from fallbackrouter.store.events_read import list_events
from fallbackrouter.store.newest import last_place, newest_behind
from fallbackrouter.store.search import search
from fallbackrouter.store.wanted import SOURCES, STATUSES

SHOWN = 50
MOST_SHOWN = 200
"""A live page holds no more rows than that."""
EVERY_S = 1.0
HELD = 10
MOST_EVENTS = 100


@dataclass(frozen=True)
class Row:
    """A decision on its way to those who watch.

    Attributes:
        place: in the journal, in the order of recording.
    """

    place: int
    decision: Json
    zone: tzinfo
    _drawn: dict[str, str] = field(default_factory=dict)

    def text(self, words: Words) -> str:
        """Return its table row; put into words once for all who speak a language."""
        if words.language not in self._drawn:
            self._drawn[words.language] = drawn("calls_row.html", words, self.zone, call=self.decision)
        return self._drawn[words.language]


@dataclass(frozen=True)
class Came:
    """Decisions that were recorded since the last look, in that order, and how many more there were."""

    rows: Sequence[Row]
    left_out: int = 0

    @property
    def count(self) -> int:
        """Return how many they are."""
        return len(self.rows) + self.left_out

    def events(self, words: Words, behind: int) -> Sequence[Event]:
        """Return the rows that a page does not have yet, newest first."""
        texts = [row.text(words) for row in reversed(self.rows) if row.place > behind]
        lost = [(LOST, lost_words(words, self.left_out))] if self.left_out else []
        return [*lost, ("calls", "".join(texts))] if texts else lost


class Calls:
    """Looks for decisions, and watches them come."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._office = house.office
        self._place: int | None = None
        self._recent: deque[Row] = deque(maxlen=MOST_SHOWN)
        self._feed = Feed("calls", self._read, every_s=EVERY_S, most=HELD, greet=self._missed)

    def _missed(self) -> Came | None:
        return Came(tuple(self._recent)) if self._recent else None

    async def _read(self) -> Came | None:
        place, now = self._place, self._house.clock.now_at()
        if place is None:
            last = await self._house.quick.run(last_place, self._office.journal)
            place = max(0, last - MOST_SHOWN)
        found = await self._house.quick.run(newest_behind, self._office.journal, place, MOST_SHOWN, now)
        left_out = found.left_out if self._place is not None else 0
        self._place = found.place
        rows = tuple(Row(at, decision, self._office.zone) for at, decision in found.rows)
        self._recent.extend(rows)
        return Came(rows, left_out) if rows else None

    async def page(self, request: Request) -> Response:
        """Answer `/calls`."""
        try:
            filters, wrong = filters_of(request.query_params), ""
            place, rows = await self._house.quick.run(self._found, filters)
        except FallbackrouterError as error:
            filters, wrong = _as_given(request.query_params), str(error)
            place, rows = 0, []
        more = len(rows) > SHOWN
        rows = rows[:SHOWN]
        values: dict[str, Any] = {
            "filters": filters,
            "wrong": wrong,
            "rows": rows,
            "live": not filters.some and filters.before is None and not wrong,
            "place": place,
            "most": MOST_SHOWN,
            "behind": filters.behind(rows[-1]) if more else "",
            "sources": SOURCES,
            "statuses": STATUSES,
        }
        return page(request, "calls.html", 422 if wrong else 200, **values)

    def _found(self, filters: Filters) -> tuple[int, list[Json]]:
        wanted = filters.wanted(self._office, self._house.clock.now_at())
        place = last_place(self._office.journal)  # before the rows: what comes in between is told again, not lost
        return place, list(search(self._office.journal, wanted, limit=SHOWN + 1, before=filters.before))

    async def stream(self, request: Request) -> Response:
        """Answer `/calls/stream?behind=…`."""
        behind = request.query_params.get("behind", "0")
        if not (behind.isascii() and behind.isdecimal() and len(behind) <= 18):  # noqa: PLR2004 - SQLite's most
            raise Problem(422, "behind is a place in the journal")
        return Stream(request, self._house.streams, self._house.accounts, self._feed, int(behind))

    async def one(self, request: Request) -> Response:
        """Answer `/calls/{id}`."""
        row, events = await self._house.quick.run(self._row_and_events, request.path_params["id"])
        return page(request, "call.html", **self._values(row), events=events, told_today=None)

    async def today(self, request: Request) -> Response:
        """Answer `/calls/{id}/today`: what would happen today; a part of the page for htmx, else the whole of it."""
        row, events = await self._house.quick.run(self._row_and_events, request.path_params["id"])
        replayed = await self._house.slow.run(self._replayed, row)
        if is_partial(request):
            return HTMLResponse(drawn("call_today.html", words_of(request), zone_of(request), told_today=replayed))
        return page(request, "call.html", **self._values(row), events=events, told_today=replayed)

    def _values(self, row: Json) -> dict[str, Any]:
        budget_ms = self._office.policies.of(self._office.read_number(row["did"])).call_ms
        return {"call": row, "line": timeline(row, budget_ms), "budget_ms": budget_ms}

    def _replayed(self, row: Json) -> Mapping[str, Any]:
        # At the moment of the call: a night call goes where night calls go today.
        moment = read_moment(row["at"], self._office.zone, self._house.clock.now_at())
        return told(row, decide(self._office, row, moment, files=False), moment)

    def _row_and_events(self, decision: str) -> tuple[Json, list[Json]]:
        return asyncio.run(self._read_one(decision))

    async def _read_one(self, decision: str) -> tuple[Json, list[Json]]:
        journal = self._office.journal
        row = await show_decision(journal, decision)
        if row is None:
            raise Problem(404, f"there is no decision {decision[:60]}")
        events = await list_events(journal, limit=MOST_EVENTS, call=row["call_id"]) if row["call_id"] else []
        linked = next((event["linked_id"] for event in events if event["linked_id"] not in {"", row["call_id"]}), "")
        if linked:
            events = await list_events(journal, limit=MOST_EVENTS, call=linked)
        return row, sorted(events, key=lambda event: (datetime.fromisoformat(event["at"]), event["seq"]))


def _as_given(query: Mapping[str, str]) -> Filters:
    """Return the filters as they were written, for the form to show what was wrong."""
    try:
        return filters_of({name: text[:200] for name, text in query.items() if name != "before"})
    except FallbackrouterError:
        return filters_of({})
