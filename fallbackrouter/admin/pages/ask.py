"""`/ask`: where a call would go, and why. Nobody is asked but by the button that says so."""

import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from fallbackrouter.admin.guard import form_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import is_partial
from fallbackrouter.admin.pages.page import drawn, page, words_of, zone_of
from fallbackrouter.core.call import is_stage
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.office.ask import play_asterisk, recorded, running_address
from fallbackrouter.office.explain import Explained, explain, read_moment

_NUMBER = re.compile(r"[0-9A-Za-z+*#_.\-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as it was written."""

    did: str
    caller: str
    at: str
    stage: str

    def check(self) -> None:
        """Raise FallbackrouterError where it is no question."""
        if not _NUMBER.fullmatch(self.did) or (self.caller and not _NUMBER.fullmatch(self.caller)):
            raise FallbackrouterError("a number is written without blanks: 74951111111 or +74951111111")
        if not is_stage(self.stage):
            raise FallbackrouterError("a stage is 1 to 32 of a-z, 0-9 and _")


class Ask:
    """Answers questions."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._office = house.office

    async def page(self, request: Request) -> Response:
        """Answer `/ask`, and `/ask?did=…`."""
        question = _question(request.query_params)
        if "did" not in request.query_params:
            return self._page(request, question, 200)
        try:
            question.check()
            explained = await self._house.slow.run(self._explained, question)
        except FallbackrouterError as error:
            return self._page(request, question, 422, wrong=str(error))
        return self._page(request, question, 200, explained=explained)

    async def live(self, request: Request) -> Response:
        """Answer `POST /ask/live`: the running router is asked, and asks the CRM."""
        question = _question(await form_of(request))
        question.check()
        answer = await self._house.quick.run(self._asked, question)
        if is_partial(request):
            return HTMLResponse(drawn("ask_live.html", words_of(request), zone_of(request), answer=answer))
        return self._page(request, question, 200, answer=answer)

    def _page(self, request: Request, question: Question, status: int, **values: Any) -> Response:
        given = {"wrong": "", "explained": None, "answer": None, "has_crm": self._office.has_crm, "question": question}
        return page(request, "ask.html", status, **{**given, **values})

    def _explained(self, question: Question) -> dict[str, Any]:
        office = self._office
        moment = read_moment(question.at, office.zone, self._house.clock.now_at())
        found: Explained = explain(office, question.did, question.caller, question.stage, moment=moment)
        return found.as_json()

    def _asked(self, question: Question) -> dict[str, Any]:
        address = running_address(self._office.data_dir, self._office.listen)
        variables = play_asterisk(address, question.did, question.caller, question.stage)
        decision = variables.get("FR_DECISION", "")
        return {"variables": variables, "decision": recorded(self._office.journal, decision)}


def _question(fields: Any) -> Question:
    return Question(
        did=fields.get("did", "").strip(),
        caller=fields.get("caller", "").strip(),
        at=fields.get("at", "").strip().replace("T", " "),
        stage=fields.get("stage", "init").strip() or "init",
    )
