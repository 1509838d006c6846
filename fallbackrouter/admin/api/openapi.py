"""The API's description, OpenAPI 3.1, made from the table that its routes come from."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, TypedDict

import msgspec

from fallbackrouter import __version__
from fallbackrouter.admin.api.operation import PREFIX, Operation
from fallbackrouter.admin.api.sync import SIGNATURE, TIMESTAMP, SyncBody

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ALWAYS = (401, 403, 503)
_NAME = re.compile(r"\{(\w+)\}")


class ProblemAnswer(TypedDict):
    """What went wrong, as RFC 9457 has it; `detail` says what to do."""

    title: str
    status: int
    detail: str


class SyncAnswer(TypedDict):
    """A sync will run now."""

    wanted: bool


def description_of(operations: Iterable[Operation]) -> Json:
    """Return the description."""
    table = list(operations)
    types = [ProblemAnswer, SyncAnswer, SyncBody]
    types += [kind for one in table for kind in (one.answer, one.query, one.body) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = {_key(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, Json] = {}
    for one in table:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one, by_type, components)
    paths[f"{PREFIX}/sync"] = {"post": _sync(by_type)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "fallbackrouter", "version": __version__, "description": "See docs/api.md."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "fr_session"},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(one: Operation, by_type: Json, components: Json) -> Json:
    parameters = [*_path_parameters(one), *_query_parameters(one, components)]
    if one.needs_match:
        told = "the state that was changed, as ETag told it; absent for a new file"
        parameters.append(_parameter("If-Match", "header", {"type": "string", "minLength": 1}, told, required=True))
    found: Json = {
        "operationId": one.name,
        "tags": [one.path.split("/")[1]],
        "summary": one.summary,
        "description": f"Needs the scope `{one.scope}`.",
        "responses": {str(one.status): _answer("It is done", by_type[_key(one.answer)]), **_refusals(one, by_type)},
    }
    if parameters:
        found["parameters"] = parameters
    if one.body is not None:
        found["requestBody"] = _body(by_type[_key(one.body)], required=True)
    return found


def _refusals(one: Operation, by_type: Json) -> Json:
    statuses = {*_ALWAYS, *one.refusals, 422}
    if one.body is not None:
        statuses |= {400, 408, 413, 415}
    return {str(status): _problem(status, by_type) for status in sorted(statuses)}


def _problem(status: int, by_type: Json) -> Json:
    content = {"application/problem+json": {"schema": by_type[_key(ProblemAnswer)]}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _answer(what: str, schema: Json) -> Json:
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def _body(schema: Json, *, required: bool) -> Json:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _path_parameters(one: Operation) -> list[Json]:
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    return [_parameter(name, "path", schema, "", required=True) for name in _NAME.findall(one.path)]


def _query_parameters(one: Operation, components: Json) -> list[Json]:
    if one.query is None:
        return []
    schema = components[one.query.__name__]
    required = schema.get("required", ())
    return [
        _parameter(name, "query", kind, kind.get("description", ""), required=name in required)
        for name, kind in schema["properties"].items()
    ]


def _parameter(name: str, where: str, schema: Json, what: str, *, required: bool) -> Json:
    found = {"name": name, "in": where, "required": required, "schema": schema}
    return {**found, "description": what} if what else found


def _sync(by_type: Json) -> Json:
    told = {
        TIMESTAMP: "seconds since 1970, at most 300 from now",
        SIGNATURE: "sha256= and the hex HMAC-SHA256 of timestamp, dot and body",
    }
    text = {"type": "string"}
    return {
        "operationId": "post_sync",
        "tags": ["sync"],
        "summary": "Fetch the CRM's routes now",
        "description": "Signed by the CRM, or with the scope `operate`.",
        "parameters": [_parameter(name, "header", text, what, required=False) for name, what in told.items()],
        "requestBody": _body(by_type[_key(SyncBody)], required=False),
        "responses": {
            "202": _answer("It will run", by_type[_key(SyncAnswer)]),
            **{str(status): _problem(status, by_type) for status in (400, 401, 403, 408, 409, 413, 422, 503)},
        },
        "security": [{"token": []}, {"session": []}, {}],
    }
