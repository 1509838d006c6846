"""`/`: what is going on now, and its live stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.feed import Event, Feed
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.facts import fact_of
from fallbackrouter.admin.pages.page import drawn, page, words_of
from fallbackrouter.admin.pages.sentence import Standing, part_of, sentence_of
from fallbackrouter.admin.pages.words import Words
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.recent import SPANS_S, Figures, Recent
from fallbackrouter.admin.streams import Stream
from fallbackrouter.control.parts import UNKNOWN, Status, parts_of
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.tier import DEFAULT_ORDER
from fallbackrouter.office.lately import PERCENTS, Point, Span

Json = Mapping[str, Any]

EVERY_S = 2.0
HELD = 2
"""What is older than the latest is worth nothing."""


@dataclass(frozen=True)
class Moment:
    """How things stand at one moment, for everybody who looks.

    Attributes:
        status: None where the service does not answer.
        figures: None where the journal cannot be read.
    """

    status: Status | None
    figures: Figures | None
    standing: Standing | None
    zone: tzinfo
    _drawn: dict[str, Sequence[Event]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Nothing: whoever misses this moment gets the next."""
        return 0

    def events(self, words: Words, behind: int) -> Sequence[Event]:  # noqa: ARG002 - it is the same for everybody
        """Return it in a language; put into words once for all who speak it."""
        if words.language not in self._drawn:
            values = self.values(words)
            pieces = {
                name: drawn(f"now_{name}.html", words, self.zone, **values) for name in ("sentence", "flow", "parts")
            }
            self._drawn[words.language] = [*pieces.items(), ("times", times_json(self.figures, "hour"))]
        return self._drawn[words.language]

    def values(self, words: Words) -> dict[str, Any]:
        """Return what templates need."""
        return {
            "sentence": sentence_of(self.standing, words),
            "order": DEFAULT_ORDER,
            "spans_s": SPANS_S,
            "spans": self.figures.spans if self.figures else None,
            "whole": self.figures is not None and self.figures.whole,
            "percents": PERCENTS,
            "parts": self._parts(words),
        }

    def _parts(self, words: Words) -> list[dict[str, Any]]:
        if self.status is None:
            return []
        crm_ms = self.figures.crm_ms if self.figures else None
        return [{**part, "fact": fact_of(part["part"], self.status, words, crm_ms)} for part in parts_in(self.status)]


def parts_in(status: Status) -> Sequence[Json]:
    """Return the parts as the parent tells them; as it has not told them yet in its first second, without a since."""
    told: Sequence[Json] = status.get("parts") or [
        {"part": part.name, "state": part.state, "reason": part.reason, "todo": part.todo, "since": None}
        for part in parts_of(status)
    ]
    return told


def times_json(figures: Figures | None, name: str) -> str:
    """Return how long answers took, as the chart reads it: lists of equal length, null where there were no answers."""
    points: list[Point] = getattr(figures, name) if figures else []
    table = {"at": [point.at_s for point in points]}
    lines = {f"p{percent}": [point.ms[place] for point in points] for place, percent in enumerate(PERCENTS)}
    return msgspec.json.encode({**table, **lines}).decode()


class Now:
    """Looks at the service and at the journal, for all who look at the page."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._recent = Recent(house.office, quick=house.quick, slow=house.slow, clock=house.clock)
        self._feed = Feed("now", self.moment, every_s=EVERY_S, most=HELD)
        house.streams.closing(self._recent.close)

    async def moment(self) -> Moment:
        """Return how things stand; raises CrowdedError where too much is asked for at once."""
        status = await self._house.snapshot.latest_or_none()
        try:
            figures = await self._recent.figures()
        except StoreError:
            figures = None
        standing = None if status is None else await self._standing(status, figures)
        return Moment(status, figures, standing, self._house.office.zone)

    async def _standing(self, status: Status, figures: Figures | None) -> Standing:
        parts = parts_in(status)
        crm, workers, drill = part_of(parts, "crm"), part_of(parts, "workers"), status.get("drill")
        recent = figures.spans[SPANS_S[0]] if figures else Span(0, {}, 0, {})
        since_at = datetime.fromisoformat(crm["since"]) if crm.get("since") else None
        return Standing(
            crm=crm.get("state", UNKNOWN),
            crm_s=(self._house.clock.now_at() - since_at).total_seconds() if since_at else None,
            workers=(workers.get("state", UNKNOWN), workers.get("reason", "")),
            drill=(str(drill.get("fault")), float(drill.get("left_s") or 0)) if drill else None,
            recent=recent,
            since=await self._recent.since(since_at) if since_at and figures else recent,
            crm_ms=figures.crm_ms if figures else None,
        )

    async def page(self, request: Request) -> Response:
        """Answer `/`."""
        moment = await self.moment()
        words = words_of(request)
        times = times_json(moment.figures, "hour")
        return page(request, "now.html", **moment.values(words), times=times, answers=moment.status is not None)

    async def times(self, request: Request) -> Response:
        """Answer `/now/times?last=hour|day`, for the chart."""
        last = request.query_params.get("last", "hour")
        if last not in {"hour", "day"}:
            raise Problem(422, "last is hour or day")
        return Response(times_json(await self._recent.figures(), last), media_type="application/json")

    async def stream(self, request: Request) -> Response:
        """Answer `/now/stream`."""
        return Stream(request, self._house.streams, self._house.accounts, self._feed)
