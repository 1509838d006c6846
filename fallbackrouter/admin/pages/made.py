"""`/made`: the calls that the CRM has made, how far each has come, and the end of one that waits."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.acts import calls as acts
from fallbackrouter.admin.call_door import desk_of
from fallbackrouter.admin.guard import form_of, visitor_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import acted
from fallbackrouter.admin.pages.page import page, words_of
from fallbackrouter.admin.problem import Problem
from fallbackrouter.control.parts import CALLS, parts_of
from fallbackrouter.core.outcall import State
from fallbackrouter.core.route import printable
from fallbackrouter.office.calls import call_json

PATH = "/made"
STATES = tuple(map(str, State))
MOST = 100
"""So many are shown."""


class Made:
    """Answers what is under `/made`."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def page(self, request: Request) -> Response:
        """Calls, newest first; `state`: of those in one state."""
        state = request.query_params.get("state", "")
        if state and state not in STATES:
            raise Problem(422, f"state is one of {', '.join(STATES)}")
        desk = self._house.calls
        found = await self._house.calling.run(desk.queue.newest, MOST, state) if desk else []
        rows = list(map(call_json, found))
        values: dict[str, Any] = {"state": state, "states": STATES, "rows": rows, "most": MOST}
        return page(request, "made.html", made_here=desk is not None, part=await self._part(), **values)

    async def _part(self) -> Any:
        """Return how making calls goes; None where the service does not answer."""
        status = await self._house.snapshot.latest_or_none()
        return None if status is None else next(part for part in parts_of(status) if part.name == CALLS)

    async def one(self, request: Request) -> Response:
        """One call: what was asked for, and what came of it."""
        out_id = request.path_params["id"]
        call = await self._house.calling.run(desk_of(self._house).queue.one, out_id)
        if call is None:
            raise Problem(404, f"there is no call {printable(out_id, 60)}")
        return page(request, "made_call.html", call=call_json(call), waiting=str(State.WAITING))

    async def cancel(self, request: Request) -> Response:
        """Have the call not be made that the form names."""
        out_id = (await form_of(request)).get("call", "")
        call = await acts.cancel(self._house, visitor_of(request), out_id)
        return acted(request, words_of(request).t("The call will not be made."), f"{PATH}/{call.out_id}")
