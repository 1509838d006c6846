"""Streams: they live as long as the login, are few, and hold nobody up."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fallbackrouter.admin import streams
from fallbackrouter.store.users import remove_user
from tests.fakes.admin import AdminServer, Browser, csrf_in
from tests.fakes.service import wait_until
from tests.fakes.sse import Listener

STREAMS = ["/now/stream", "/calls/stream"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminServer]:
    with AdminServer(tmp_path_factory.mktemp("admin")) as server:
        server.user("anna")
        server.user("vera", "viewer")
        yield server


def listen(browser: Browser, path: str = "/now/stream") -> Listener:
    return Listener(browser.port, path, browser.cookies)


@pytest.mark.parametrize("path", STREAMS)
def test_a_stranger_hears_nothing(server: AdminServer, path: str) -> None:
    with Listener(server.port, path, {}) as listener:
        assert listener.status == 401


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_ends_with_its_login(server: AdminServer, path: str) -> None:
    browser = server.browser("anna")
    csrf = csrf_in(browser.get("/").text)
    with listen(browser, path) as listener:
        assert listener.status == 200
        assert listener.headers["content-type"].startswith("text/event-stream")
        assert browser.post("/logout", csrf=csrf).status == 303
        assert listener.until(lambda event: event[0] == "over")
        assert listener.next() is None


def test_a_stream_ends_with_its_user(server: AdminServer) -> None:
    server.user("olga", "viewer")
    browser = server.browser("olga")
    with listen(browser) as listener:
        assert listener.until(lambda event: event[0] == "sentence")
        remove_user(server.file, "olga")
        assert listener.until(lambda event: event[0] == "over")


def test_a_token_may_listen_as_long_as_it_holds(server: AdminServer) -> None:
    with Listener(server.port, "/now/stream", {}, server.token("read", name="ear")) as listener:
        assert listener.until(lambda event: event[0] == "sentence")
    with Listener(server.port, "/now/stream", {}, server.token("operate", name="hand")) as listener:
        assert listener.status == 403


def test_a_stream_says_something_though_there_is_nothing_new(
    server: AdminServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_LOOKS", 2)
    with listen(server.browser("anna"), "/calls/stream") as listener:
        assert listener.until(lambda event: event == ("", ""))


def test_one_person_holds_a_few_streams_and_not_more(server: AdminServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_OF_ONE", 2)
    browser = server.browser("vera")
    with listen(browser), listen(browser):
        with listen(browser) as third:
            assert (third.status, third.headers["retry-after"]) == (503, "30")
        with listen(server.browser("anna")) as other:
            assert other.status == 200

    def free() -> bool:
        with listen(browser) as again:
            return again.status == 200

    wait_until(free, "a place, once the others have gone")


def test_a_head_of_a_stream_has_an_end(server: AdminServer) -> None:
    assert server.browser("anna").send("HEAD", "/now/stream").status == 200


def test_streams_end_when_the_service_leaves(tmp_path: Path) -> None:
    with AdminServer(tmp_path) as server:
        server.user("anna")
        listener = listen(server.browser("anna"))
        assert listener.until(lambda event: event[0] == "sentence")
    with listener:
        assert listener.until(lambda event: event[0] == "over")


def test_who_takes_nothing_of_an_answer_is_cut_off(server: AdminServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fallbackrouter.admin.server.TAKE_S", 0.5)
    browser = server.browser("anna")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    ask = f"GET /static/vendor/htmx/htmx.min.js HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", server.port))
        peer.settimeout(120)
        peer.sendall(ask * 200)  # some 10 MB of answers, of which not a byte is read

        def is_cut() -> bool:
            try:
                return peer.send(b"\r\n") < 0
            except ConnectionError:
                return True

        wait_until(is_cut, "the cut")
