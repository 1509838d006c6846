"""Logging in and out by the form."""

from collections.abc import Iterator

import pytest

from tests.fakes.admin import AdminServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminServer]:
    with AdminServer(tmp_path_factory.mktemp("admin")) as server:
        server.user("anna")
        server.user("vera", "viewer")
        yield server


def test_a_person_is_sent_to_the_login_and_comes_back_to_where_it_wanted(server: AdminServer) -> None:
    browser = server.browser()
    sent = browser.get("/?x=1")
    assert (sent.status, sent.headers["location"]) == (303, "/login?next=/%3Fx%3D1")
    back = browser.login("anna", there="/%3Fx%3D1")
    assert (back.status, back.headers["location"]) == (303, "/?x=1")
    page = browser.get("/")
    assert page.status == 200
    assert "anna" in page.text
