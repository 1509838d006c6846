"""Logging in and out by the form, and what a login is worth."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.store.users import remove_user, set_password
from tests.fakes.admin import PASSWORD, AdminServer, csrf_in
from tests.fakes.clock import FakeClock
from tests.fakes.service import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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
    back = browser.login("anna", there="/?x=1")
    assert (back.status, back.headers["location"]) == (303, "/?x=1")
    page = browser.get("/")
    assert page.status == 200
    assert "anna" in page.text


@pytest.mark.parametrize(
    "there", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x", "/\n/x"]
)
def test_a_login_leads_nowhere_else(server: AdminServer, there: str) -> None:
    back = server.browser().login("anna", there=there)
    assert (back.status, back.headers["location"]) == (303, "/")


def test_the_cookie_is_for_this_site_and_for_no_script(server: AdminServer) -> None:
    cookie = server.browser().login("anna").headers["set-cookie"].split("\n")[0].lower()
    assert cookie.startswith("fr_session=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize(
    ("user", "password"), [("anna", "wrong password"), ("nobody", PASSWORD), ("", ""), ("'--", "x")]
)
def test_wrong_words_let_nobody_in_and_do_not_tell_which_was_wrong(tmp_path: Path, user: str, password: str) -> None:
    with AdminServer(tmp_path) as server:
        server.user("anna")
        browser = server.browser()
        refused = browser.login(user, password)
        assert refused.status == 401
        assert "User or password is wrong." in refused.text
        assert browser.get("/").status == 303


def test_the_form_has_to_be_ours(server: AdminServer) -> None:
    browser = server.browser()
    token = csrf_in(browser.get("/login").text)
    assert browser.post("/login", user="anna", password=PASSWORD, csrf="").status == 403
    stranger = server.browser()
    assert stranger.post("/login", user="anna", password=PASSWORD, csrf=token).status == 403
    body = f"user=anna&password={PASSWORD}&csrf={csrf_in(browser.get('/login').text)}"
    foreign = browser.send("POST", "/login", body, {**FORM, "Origin": "https://evil.example"})
    assert foreign.status == 403


def test_a_form_that_was_opened_later_in_another_window_makes_none_too_old(server: AdminServer) -> None:
    browser = server.browser()
    first, later = (csrf_in(browser.get("/login").text) for _ in range(2))
    assert browser.post("/login", user="anna", password=f"not {PASSWORD}", csrf=later).status == 401
    assert browser.post("/login", user="anna", password=PASSWORD, csrf=first).status == 303


@pytest.mark.parametrize("cookie", ["", "x", "A" * 44, "A" * 42 + ";"])
def test_a_cookie_that_is_none_of_ours_makes_no_form(server: AdminServer, cookie: str) -> None:
    browser = server.browser()
    browser.cookies["fr_session_login"] = cookie
    browser.get("/login")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", browser.cookies["fr_session_login"])


def test_logging_out_ends_the_session_itself(server: AdminServer) -> None:
    browser = server.browser("anna")
    cookies = dict(browser.cookies)
    assert browser.post("/logout", csrf="wrong").status == 403
    assert browser.get("/").status == 200
    assert browser.post("/logout", csrf=csrf_in(browser.get("/").text)).status == 303
    browser.cookies = cookies
    assert browser.get("/").status == 303


def test_a_new_password_and_a_removal_end_sessions(server: AdminServer) -> None:
    server.user("otto")
    browser = server.browser("otto")
    assert browser.get("/").status == 200
    set_password(server.file, "otto", "another", SystemClock().now_at())
    wait_until(lambda: browser.get("/").status == 303, "the session's end")
    server.user("olga")
    browser = server.browser("olga")
    remove_user(server.file, "olga")
    wait_until(lambda: browser.get("/").status == 303, "the session's end")


def test_who_guesses_has_to_wait_and_the_right_password_is_not_looked_at(tmp_path: Path) -> None:
    clock = FakeClock()
    with AdminServer(tmp_path, clock=clock) as server:
        server.user("anna")
        browser = server.browser()
        seen = [browser.login("anna", "wrong password").status for _ in range(6)]
        assert seen == [401] * 5 + [429]
        waiting = browser.login("anna")
        assert waiting.status == 429
        assert int(waiting.headers["retry-after"]) >= 1
        clock.move(3.0)
        assert browser.login("anna").status == 303


def test_a_session_that_was_not_used_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    with AdminServer(tmp_path, clock=clock) as server:
        server.user("anna")
        browser = server.browser("anna")
        clock.move(3000.0)
        assert browser.get("/").status == 200
        clock.move(3700.0)
        assert browser.get("/").status == 303
