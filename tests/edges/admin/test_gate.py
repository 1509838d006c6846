"""Who gets nothing, and what every answer carries."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fallbackrouter.admin.api.table import OPERATIONS
from fallbackrouter.admin.visitor import SCOPES
from tests.fakes.admin import AdminServer, Answer, send

PATHS = [
    "/",
    "/static/console.css",
    "/metrics",
    "/status",
    "/api/v1/openapi.json",
    "/nosuch",
    "/api/v1/nosuch",
    "/logout",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminServer]:
    with AdminServer(tmp_path_factory.mktemp("admin")) as server:
        server.user("anna")
        server.user("vera", "viewer")
        yield server


def refusal(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


def test_a_stranger_gets_the_same_from_any_path(server: AdminServer) -> None:
    paths = [*PATHS, *(f"/api/v1{one.path}".replace("{", "").replace("}", "") for one in OPERATIONS)]
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        told = {refusal(server.send(method, path)) for path in paths}
        assert len(told) == 1, (method, told)
        assert told.pop()[0] == 401


def test_a_wrong_token_is_a_stranger_even_beside_a_good_cookie(server: AdminServer) -> None:
    browser = server.browser("anna")
    for given in ("Bearer frt_wrong", "Bearer ", "Basic YTpi", "Bearer " + "x" * 5000, "nonsense"):
        answer = browser.send("GET", "/api/v1/status", headers={"Authorization": given})
        assert answer.status == 401


def test_health_is_for_everybody(server: AdminServer) -> None:
    assert server.send("GET", "/healthz").status == 200
    assert server.send("GET", "/readyz").status == 200


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_is_for_its_scope_alone(server: AdminServer, one: object) -> None:
    operation = next(other for other in OPERATIONS if other is one)
    others = server.token(*(scope for scope in SCOPES if scope != operation.scope))
    path = "/api/v1" + operation.path.replace("{", "").replace("}", "")
    assert server.send(operation.method, path, headers=others).status == 403


def test_a_viewer_changes_nothing(server: AdminServer) -> None:
    browser = server.browser("vera")
    csrf = browser.get("/").text.partition('name="csrf" content="')[2].partition('"')[0]
    headers = {"X-CSRF-Token": csrf, "Content-Type": "application/json"}
    for operation in OPERATIONS:
        if operation.scope != "read":
            path = "/api/v1" + operation.path.replace("{", "").replace("}", "")
            assert browser.send(operation.method, path, "{}", headers).status == 403


def test_a_change_by_a_login_needs_its_token_and_its_own_site(server: AdminServer) -> None:
    browser = server.browser("anna")
    csrf = browser.get("/").text.partition('name="csrf" content="')[2].partition('"')[0]
    body, kind = '{"state": "dead"}', {"Content-Type": "application/json"}
    path = "/api/v1/events/drop"
    assert browser.send("POST", path, body, kind).status == 403
    assert browser.send("POST", path, body, {**kind, "X-CSRF-Token": "x" + csrf[1:]}).status == 403
    sent = {**kind, "X-CSRF-Token": csrf}
    assert browser.send("POST", path, body, {**sent, "Origin": "https://evil.example"}).status == 403
    assert browser.send("POST", path, body, {**sent, "Sec-Fetch-Site": "cross-site"}).status == 403
    assert browser.send("POST", path, body, sent).status == 200
    # A form of another site's could carry no header; without the token it changes nothing either.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.send("POST", path, "state=dead", form).status == 403


def test_every_answer_carries_what_keeps_it_safe(server: AdminServer) -> None:
    browser = server.browser("anna")
    for answer in (
        browser.get("/"),
        browser.get("/nosuch"),
        server.send("GET", "/api/v1/status"),
        browser.get("/login"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "'unsafe-inline'" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_pages_hold_no_script_of_their_own(server: AdminServer) -> None:
    page = server.browser("anna").get("/").text
    for part in page.split("<script")[1:]:
        assert part.partition(">")[2].startswith("</script>")
    assert " onclick=" not in page


def test_files_are_kept_by_browsers_under_names_that_change_with_them(server: AdminServer) -> None:
    browser = server.browser("anna")
    url = browser.get("/").text.partition('href="/static/')[2].partition('"')[0]
    lasting = browser.get(f"/static/{url}")
    assert lasting.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert browser.get(f"/static/{url.partition('?')[0]}").headers["cache-control"] == "private, no-cache"
    for name in ("../app.py", "%2e%2e/app.py", "nosuch", ".", "console.css/"):
        assert browser.get(f"/static/{name}").status == 404


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server: AdminServer) -> None:
    token = server.token("edit", "read", "operate")
    headers = {**token, "Content-Type": "application/json", "Content-Length": str(10**9)}
    assert server.send("POST", "/api/v1/rules/check", b"{", headers).status == 413


def test_a_head_that_is_too_long_is_refused(server: AdminServer) -> None:
    answer = server.send("GET", "/healthz", headers={"X-Long": "x" * 70_000})
    assert 400 <= answer.status < 500


def test_networks_that_are_not_allowed_are_dropped(tmp_path: Path) -> None:
    with AdminServer(tmp_path, allow=lambda host: host != "127.0.0.1") as server:
        peer = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        with peer, suppress(ConnectionResetError):
            assert peer.recv(1) == b""
        with pytest.raises(OSError, match=r"reset|closed|response|pipe"):
            send(server.port, "GET", "/healthz")


def test_a_fault_of_our_own_is_told_in_plain_words(tmp_path: Path) -> None:
    def broken(_message: object) -> dict[str, object]:
        raise RuntimeError("a secret detail")

    with AdminServer(tmp_path, command=broken) as server:
        answer = server.send("GET", "/api/v1/status", headers=server.token("read"))
        assert answer.status == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret detail" not in answer.text
