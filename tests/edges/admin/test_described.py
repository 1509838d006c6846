"""The description against the service: schemathesis makes requests from it, and nothing answers with a 5xx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fallbackrouter.admin.api.openapi import description_of
from fallbackrouter.admin.api.table import OPERATIONS
from tests.edges.admin.test_api import Api
from tests.proof.size import FULL

EXAMPLES = 400 if FULL else 12
SCHEMA = schemathesis.openapi.from_dict(description_of(OPERATIONS))
TABLE = [result.ok() for result in SCHEMA.get_all_operations()]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Api(tmp_path_factory.mktemp("api")) as api:
        yield api


@pytest.mark.parametrize("operation", TABLE, ids=lambda one: f"{one.method} {one.path}")
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_request_that_fits_the_description_is_our_fault(api: Api, operation: Any, data: st.DataObject) -> None:
    case = data.draw(operation.as_strategy())
    headers = {**api.headers, **(case.headers or {})}
    response = case.call(base_url=f"http://127.0.0.1:{api.port}", headers=headers)
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )


def test_every_operation_is_in_the_page() -> None:
    page = Path(__file__).parents[3].joinpath("docs/api.md").read_text(encoding="utf-8")
    for one in OPERATIONS:
        assert f"| `{one.method} {one.path}` | {one.scope} |" in page, one.name
