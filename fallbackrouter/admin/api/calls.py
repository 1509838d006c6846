"""`/api/v1/calls`: a program has a call made, and follows it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.body import kind_of, read_body
from fallbackrouter.admin.guard import guarded, visitor_of
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.snapshot import Snapshot
from fallbackrouter.admin.threads import Threads
from fallbackrouter.admin.visitor import CALL
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.outcall import OutCall
from fallbackrouter.core.route import printable
from fallbackrouter.log import get_log
from fallbackrouter.office.calls import CallDesk, CallRefusedError, call_json
from fallbackrouter.store.calls import OtherCallError, TooManyError

PATH = "/api/v1/calls"
MAX_BODY_BYTES = 65_536
NONE = "no calls are made here: fill calls.contexts and calls.channels, and set ami.user (docs/calls.md)"
NUDGE_S = 2.0
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class CallDoor:
    """Where calls are asked for by HTTP, whatever the form.

    Attributes:
        desk: None where no calls are made.
        threads: one, as the desk's queue is for one at a time.
    """

    desk: CallDesk | None
    threads: Threads
    snapshot: Snapshot

    async def ask(self, owner: str, fields: Mapping[str, object]) -> tuple[OutCall, bool]:
        """Take a call, and have it made; see `CallDesk.ask`. What is refused is in the log, with who asked.

        Raises:
            Problem: it is not taken.
        """
        desk = self._desk()
        try:
            call, new = await self.threads.run(desk.ask, owner, fields)
        except FallbackrouterError as error:
            status = {CallRefusedError: 403, OtherCallError: 409, TooManyError: 429}.get(type(error))
            if status is None:
                raise
            tell_refusal(owner, str(error))
            raise Problem(status, str(error), {"Retry-After": "10"} if status == 429 else None) from None  # noqa: PLR2004
        if new:
            get_log("audit").info("a call was asked for", who=owner, call=call.out_id)
            await self._nudge()
        return call, new

    async def one(self, out_id: str) -> OutCall | None:
        """Return a call, None where there is none."""
        return await self.threads.run(self._desk().queue.one, out_id)

    def _desk(self) -> CallDesk:
        if self.desk is None:
            raise Problem(404, NONE)
        return self.desk

    async def _nudge(self) -> None:
        with suppress(FallbackrouterError):  # it is seen within half a second all the same
            await self.snapshot.command({"do": "call"}, NUDGE_S)


def tell_refusal(who: str, why: str) -> None:
    """Keep in the log that somebody was refused."""
    get_log("audit").warning("a call was refused", who=who, reason=printable(why, 300))


def call_routes(door: CallDoor) -> list[BaseRoute]:
    """Return the routes."""

    async def make(request: Request) -> Response:
        call, new = await door.ask(visitor_of(request).name, await _fields(request))
        headers = {"Location": f"{PATH}/{call.out_id}"}
        document = {**call_json(call), "url": headers["Location"], "new": new}
        return Response(msgspec.json.encode(document), 202, headers, _JSON)

    async def show(request: Request) -> Response:
        out_id = request.path_params["call"]
        call = await door.one(out_id)
        if call is None or call.owner != visitor_of(request).name:
            raise Problem(404, f"you asked for no call {printable(out_id)}")
        return Response(msgspec.json.encode(call_json(call)), 200, media_type=_JSON)

    return [
        Route(PATH, guarded(CALL, make), methods=["POST"]),
        Route(f"{PATH}/{{call}}", guarded(CALL, show), methods=["GET"]),
    ]


async def _fields(request: Request) -> Mapping[str, object]:
    if kind_of(request) != _JSON:
        raise Problem(415, f"send the call as {_JSON}")
    body = await read_body(request, MAX_BODY_BYTES)
    try:
        fields = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is no JSON") from None
    if not isinstance(fields, dict):
        raise Problem(400, "the body is no JSON object")
    return fields
