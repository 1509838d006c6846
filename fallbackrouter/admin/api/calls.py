"""Operations on calls: a program has one made, and follows it."""

from typing import Annotated, Any

from msgspec import Meta

from fallbackrouter.admin.api.operation import PREFIX, Asked, Fields, Operation, json_response
from fallbackrouter.admin.call_door import ask_for_call, desk_of
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import CALL
from fallbackrouter.core.call_fields import MAX_TIMEOUT_S
from fallbackrouter.core.route import printable
from fallbackrouter.office.calls import call_json

PATH = "/calls"


def _told(what: str) -> Any:
    return Meta(description=what)


class CallBody(Fields, frozen=True):
    """A call: whom to ring, and where that one comes into the dialplan. See docs/calls.md."""

    id: Annotated[str, _told("your own id; the same one again is the same call")] = ""
    channel: Annotated[str, _told("whom to ring, such as Local/632@inbound; or `to` with `via`")] = ""
    to: Annotated[str, _told("the number to ring")] = ""
    via: Annotated[str, _told("the context that dials it")] = ""
    callerid: Annotated[str, _told('the number that is shown, or "name" <number>')] = ""
    context: Annotated[str, _told("where the call comes in once it is answered; or `route`")] = ""
    exten: Annotated[str, _told("the extension there")] = ""
    priority: Annotated[str | int, _told("the priority there, from 1")] = "1"
    route: Annotated[dict[str, Any] | None, _told("app and num, as a rule has them")] = None
    variables: Annotated[dict[str, str | int] | None, _told("channel variables")] = None
    timeout_s: Annotated[float, Meta(ge=1, le=MAX_TIMEOUT_S, description="how long it rings")] | None = None
    not_after: Annotated[str | float | None, _told("seconds from now, or a moment with its zone")] = None


async def _make(asked: Asked) -> Any:
    call, new = await ask_for_call(asked.house, asked.visitor, asked.body)
    url = f"{PREFIX}{PATH}/{call.out_id}"
    return json_response({**call_json(call), "url": url, "new": new}, 202, Location=url)


async def _show(asked: Asked) -> Any:
    out_id = asked.path["id"]
    call = await asked.house.calling.run(desk_of(asked.house).queue.one, out_id)
    if call is None or call.owner != asked.visitor.name:
        raise Problem(404, f"you asked for no call {printable(out_id)}")
    return call_json(call)


OPERATIONS = (
    Operation(
        "POST",
        PATH,
        CALL,
        "Have a call made",
        _make,
        body=CallBody,
        any_fields=True,
        status=202,
        refusals=(404, 409, 429),
    ),
    Operation("GET", f"{PATH}/{{id}}", CALL, "How far a call of yours has come", _show, refusals=(404,)),
)
