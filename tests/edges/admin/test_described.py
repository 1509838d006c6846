"""The description against the service: schemathesis makes requests from it, and nothing answers with a 5xx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.admin.api.table import OPERATIONS
from tests.edges.admin.test_api import Api
from tests.edges.admin.test_calls_asked import CONFIG
from tests.fakes.described import judge, table, tried
from tests.proof.examples import examples

ASK = "/api/v1/ask"
"""Needs a router that runs: tests/scenarios/test_admin.py."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Api(tmp_path_factory.mktemp("api"), config=CONFIG) as api:
        yield api


@pytest.mark.parametrize(
    "operation", [one for one in table() if one.path != ASK], ids=lambda one: f"{one.method} {one.path}"
)
@tried(examples(12, full=300))
@given(data=st.data())
def test_no_request_that_fits_the_description_is_our_fault(api: Api, operation: Any, data: st.DataObject) -> None:
    case = data.draw(operation.as_strategy())
    judge(case, api.port, api.headers)


def test_every_operation_is_in_the_page() -> None:
    page = Path(__file__).parents[3].joinpath("docs/api.md").read_text(encoding="utf-8")
    for one in OPERATIONS:
        assert f"| `{one.method} {one.path}` | {one.scope} |" in page, one.name
