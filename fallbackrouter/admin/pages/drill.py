"""`/drill`: a drill is begun, watched and ended."""

import math
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.acts import drill as acts
from fallbackrouter.admin.guard import form_of, visitor_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import acted
from fallbackrouter.admin.pages.page import page, words_of
from fallbackrouter.admin.problem import Problem

PATH = "/drill"
FAULTS = ("dns", "connect", "hang", "slow", "error", "garbage")
MAX_MINUTES = 60


class Drill:
    """Answers what is under `/drill`."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def page(self, request: Request) -> Response:
        """What is on, and how to begin or end it."""
        status = await self._house.snapshot.latest_or_none()
        on = status["drill"] if status else None
        now = self._house.clock.now_at()
        return page(
            request,
            "drill.html",
            answers=status is not None,
            has_crm=self._house.office.has_crm,
            on=on,
            percent=f"{on['share'] * 100:.4g}" if on else "",
            since=now - timedelta(seconds=on["on_s"]) if on else None,
            until=now + timedelta(seconds=on["left_s"]) if on else None,
            faults=FAULTS,
            most=MAX_MINUTES,
        )

    async def begin(self, request: Request) -> Response:
        """Begin one: `fault`, `minutes`, `percent`."""
        form = await form_of(request)
        fault = form.get("fault", "")
        if fault not in FAULTS:
            raise Problem(422, f"fault is one of {', '.join(FAULTS)}")
        minutes = _number(form.get("minutes", ""), "the length in minutes", MAX_MINUTES)
        percent = _number(form.get("percent", ""), "the share in per cent", 100)
        await acts.begin(self._house, visitor_of(request), fault, minutes * 60, percent / 100)
        return acted(request, words_of(request).t("The drill has begun; it ends by itself."), PATH)

    async def end(self, request: Request) -> Response:
        """End the one that is on."""
        ended = await acts.end(self._house, visitor_of(request))
        words = words_of(request)
        return acted(request, words.t("The drill is over.") if ended["ended"] else words.t("No drill is on."), PATH)


def _number(text: str, what: str, most: float) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not 0 < number <= most:
        raise Problem(422, f"{what} is a number above 0, at most {most:g}")
    return number
