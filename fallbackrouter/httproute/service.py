"""One request, from its bytes to its reply: read it, ask the router, spell what it said.

- A question is answered, whatever its fields hold; a fault of our own in reading is answered from the instant tiers.
- An event is stored, then answered, however many calls are held; one without a stage is refused, as it tells nothing.
- Only a fault of our own while answering gives no answer: an empty body or an error, and a line in the log.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fallbackrouter.agi.answer import AnswerShape, answer_variables, event_variables
from fallbackrouter.agi.form import bare_form, read_form
from fallbackrouter.agi.request import Grammar, Request
from fallbackrouter.entrance.desk import Desk
from fallbackrouter.entrance.held import Held
from fallbackrouter.httproute.head import Refusal
from fallbackrouter.httproute.message import HttpRequest
from fallbackrouter.httproute.reply import Reply, answer_reply, in_places, refusal_reply
from fallbackrouter.log import get_log

log = get_log("httproute")

_NO_STAGE = "an event needs a stage of a to z, 0 to 9 and _, such as stage=end_failed; send it once"


@dataclass(frozen=True, slots=True)
class Served:
    """A reply, the name that it is counted by, and the answer whose sending is noted."""

    reply: Reply
    name: str
    answered: Any = None


class HttpService:
    """Serves requests.

    Args:
        grammar: returns what is in force now.
        held: tells whether there are too many calls to wait for the live CRM.
    """

    def __init__(
        self,
        *,
        desk: Desk[Any],
        grammar: Callable[[], Grammar],
        shape: AnswerShape,
        held: Held,
        counts: Counter[str],
    ) -> None:
        self._desk = desk
        self._grammar = grammar
        self._shape = shape
        self._held = held
        self._counts = counts

    async def serve(self, request: HttpRequest, started_s: float, read_ms: float) -> Served:
        """Serve a request; never raises but CancelledError."""
        try:
            return await self._serve(request, started_s, read_ms)
        except Exception:  # the last line of defence: a fault of ours must not reach other calls
            log.exception("a request could not be answered, by a fault of the router's own")
            sentence = "the router could not answer, by a fault of its own; its log says more"
            return Served(refusal_reply(Refusal(500, sentence, text=request.head.text)), "http_faults")

    async def _serve(self, request: HttpRequest, started_s: float, read_ms: float) -> Served:
        asked, fault = self._read(request)
        text = request.head.text
        if asked.kind == "event":
            taken = await self._desk.report(asked.call, started_s=started_s, read_ms=read_ms)
            pairs = event_variables(taken.event, taken.recorded)
            if text and request.head.path == "ask":
                pairs = in_places(self._shape.names, pairs)
            return Served(answer_reply(pairs, (), text=text), "http_events")
        if request.head.path == "event":
            return Served(refusal_reply(Refusal(400, _NO_STAGE, text=text)), "http_refused")
        reason = fault or self._busy()
        answered = await self._desk.answer(asked.call, started_s=started_s, read_ms=read_ms, instant_only=reason)
        pairs = answer_variables(answered.decision, answered.recorded, self._shape)
        reply = answer_reply(pairs, answered.decision.route.functions, text=text)
        return Served(reply, "http_answered", answered)

    def _read(self, request: HttpRequest) -> tuple[Request, str]:
        """Return what is asked, and a reason not to ask the live CRM."""
        try:
            return read_form(request.body, request.head.path, self._grammar()), ""
        except Exception:  # a fault of ours: the call gets an answer all the same
            if request.head.path == "event":
                raise
            log.exception("a request could not be read, by a fault of the router's own")
            return bare_form(), "the request could not be read"

    def _busy(self) -> str:
        if not self._held.busy:
            return ""
        self._counts["busy"] += 1
        return f"busy: {len(self._held)} calls are held"

    def sent(self, served: Served, write_ms: float) -> None:
        """Note that a reply has left."""
        if served.answered is not None:
            self._desk.sent(served.answered, write_ms)
