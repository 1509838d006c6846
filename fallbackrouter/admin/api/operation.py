"""One operation of the API: what it takes, what it needs, what it answers; routes and description come from this."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.body import kind_of, read_body
from fallbackrouter.admin.guard import WITHIN_S, guarded, visitor_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import Visitor

PREFIX = "/api/v1"
SLOW_S = 120.0
"""What checks and backtests may take."""


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a query or a body holds; an unknown name in it is an error."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose parts have been read.

    Attributes:
        path: the path's parameters.
        query: of the operation's own type; so is body.
        match: the state that If-Match names, "" where none is named.
    """

    house: House
    visitor: Visitor
    path: dict[str, str]
    query: Any
    body: Any
    match: str


Do = Callable[[Asked], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Attributes:
        path: below `PREFIX`, with {names}.
        scope: what who asks has to have.
        do: does it; returns what JSON can carry, or a Response.
        answer: the type of the answer, for the description.
        query: the type of the query's fields, None for none.
        body: the type of the body's fields, None for none.
        any_fields: the body is an object that is handed on as it came; `do` refuses what is none of its fields.
        refusals: statuses beside the usual ones.
        needs_match: a change that names the state it was made from, in If-Match.
    """

    method: str
    path: str
    scope: str
    summary: str
    do: Do
    answer: Any = dict[str, Any]
    query: type[Fields] | None = None
    body: type[Fields] | None = None
    any_fields: bool = False
    status: int = 200
    refusals: tuple[int, ...] = ()
    needs_match: bool = False
    within_s: float = WITHIN_S

    @property
    def name(self) -> str:
        """Its name in descriptions: `get_rules_files_name`."""
        words = self.path.replace("{", "").replace("}", "").replace(".", "_").strip("/").split("/")
        return "_".join((self.method.lower(), *words))


def handler_of(house: House, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers the operation's requests."""

    async def handle(request: Request) -> Response:
        asked = Asked(
            house,
            visitor_of(request),
            {name: str(value) for name, value in request.path_params.items()},
            _query(request, operation),
            await _body(request, operation),
            _match(request, operation),
        )
        answer = await operation.do(asked)
        return answer if isinstance(answer, Response) else json_response(answer, operation.status)

    return guarded(operation.scope, handle, operation.within_s)


def json_response(value: Any, status: int = 200, **headers: str) -> Response:
    """Return a value as JSON."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def _query(request: Request, operation: Operation) -> Any:
    given = dict(request.query_params)
    if operation.query is None:
        if given:
            raise Problem(422, f"this takes no parameters; take out {next(iter(given))[:40]}")
        return None
    if len(request.query_params.multi_items()) != len(given):
        raise Problem(422, "a parameter comes twice; name each once")
    try:
        return msgspec.convert(given, operation.query, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(422, f"the parameters cannot be used: {error}") from None


async def _body(request: Request, operation: Operation) -> Any:
    body = await read_body(request)
    if operation.body is None:
        if body:
            raise Problem(422, "this takes no body; leave it out")
        return None
    if kind_of(request) != "application/json":
        raise Problem(415, "send the body as application/json")
    try:
        return msgspec.json.decode(body, type=dict[str, Any] if operation.any_fields else operation.body)
    except msgspec.ValidationError as error:
        raise Problem(422, f"the body cannot be used: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Problem(400, "the body is not JSON") from None


def _match(request: Request, operation: Operation) -> str:
    match = request.headers.get("if-match", "").strip()
    if operation.needs_match and not match:
        raise Problem(428, 'name the state that you changed in If-Match, as ETag told it; "absent" for a new file')
    return match.removeprefix("W/").strip('"')
