"""Requests that the API's description allows, made by schemathesis, and what is asked of their answers."""

from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fallbackrouter.admin.api.openapi import description_of
from fallbackrouter.admin.api.table import OPERATIONS

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def table() -> list[Any]:
    """Return every operation of the description."""
    schema = schemathesis.openapi.from_dict(description_of(OPERATIONS))
    found: list[Any] = []
    for result in schema.get_all_operations():
        one: Any = result
        found.append(one.ok())
    return found


def tried(examples: int) -> settings:
    """Return how many requests are made of each operation; on a busy machine they take what they take."""
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def judge(case: Any, port: int, headers: Mapping[str, str]) -> None:
    """Make a request, and see that its answer is one that the description knows, and no fault of ours."""
    response = case.call(base_url=f"http://127.0.0.1:{port}", headers={**(case.headers or {}), **headers})
    case.validate_response(response, checks=CHECKS)
