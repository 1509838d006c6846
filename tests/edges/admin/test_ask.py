"""*Ask*: where a call would go, without asking anybody; the running router by its button alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.admin import AdminServer, csrf_in


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminServer]:
    with AdminServer(tmp_path_factory.mktemp("admin")) as server:
        server.user("anna")
        server.user("vera", "viewer")
        yield server


def test_it_says_where_a_call_goes_and_why(server: AdminServer) -> None:
    page = server.browser("vera").get("/ask?did=74951111111&caller=&stage=init&at=2026-11-23T10:00")
    assert page.status == 200
    assert "night" in page.text
    assert "num=62" in page.text
    assert "explain asks nobody" in page.text, "the CRM's tier"
    assert 'value="74951111111"' in page.text


def test_a_number_that_no_rule_knows_goes_to_the_last_resort(server: AdminServer) -> None:
    page = server.browser("vera").get("/ask?did=78002000600").text
    assert "num=100" in page
    assert "No rule is for this call." in page


@pytest.mark.parametrize(
    "query", ["did=", "did=1,2", "did=1%0a2", "did=1&stage=A", "did=1&at=soon", "did=1&caller=a%20b"]
)
def test_what_is_no_question_is_told(server: AdminServer, query: str) -> None:
    page = server.browser("vera").get(f"/ask?{query}")
    assert page.status == 422
    assert 'role="alert"' in page.text


def test_asking_live_is_not_for_viewers(server: AdminServer) -> None:
    browser = server.browser("vera")
    page = browser.get("/ask?did=74951111111").text
    assert 'action="/ask/live"' not in page
    assert browser.post("/ask/live", did="74951111111", csrf=csrf_in(page)).status == 403


def test_asking_live_needs_the_form_s_token_and_a_service(tmp_path: Path) -> None:
    with AdminServer(tmp_path, config='[agi]\nlisten = ["127.0.0.1:1"]\n') as server:
        server.user("anna")
        browser = server.browser("anna")
        page = browser.get("/ask?did=74951111111").text
        assert 'action="/ask/live"' in page
        assert browser.post("/ask/live", did="74951111111", csrf="wrong").status == 403
        refused = browser.post("/ask/live", did="74951111111", csrf=csrf_in(page))
        assert refused.status == 503
        assert "nothing answers at 127.0.0.1:1" in refused.text
