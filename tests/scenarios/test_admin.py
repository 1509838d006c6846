"""The web interface of the whole daemon: it serves, is started again, and goes with a changed configuration."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.admin import PASSWORD, Browser, send
from tests.fakes.described import judge, table, tried
from tests.fakes.service import ROOT, Service, wait_until
from tests.fakes.whole import DID, Whole, ask, rule
from tests.proof.size import full_or


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    whole = Whole(tmp_path)
    whole.rules(rule("night", DID, "62"))
    yield whole
    for service in whole.services:
        service.end()


def admin_command(whole: Whole, *words: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fallbackrouter", "admin", *words, "--config", str(whole.config)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


def admin_port(service: Service) -> int:
    wait_until(lambda: (service.status()["admin"] or {}).get("state") == "ready", "the web interface")
    return int(service.status()["admin_listen"][0].rpartition(":")[2])


@pytest.mark.core
def test_people_and_programs_use_it_and_it_comes_back_when_it_is_killed(whole: Whole) -> None:
    whole.configure(admin='listen = "127.0.0.1:0"')
    service = whole.start().ready()
    port = admin_port(service)
    wait_until(lambda: "admin user add" in service.stderr, "a word on how to begin")
    admin_command(whole, "user", "add", "anna", stdin=f"{PASSWORD}\n")
    browser = Browser(port)
    assert browser.login("anna").status == 303
    assert browser.get("/").status == 200

    token = {"Authorization": f"Bearer {admin_command(whole, 'token', 'add', 'robot', '--scope', 'read')}"}
    decision = ask(service.port)["FR_DECISION"]
    wait_until(lambda: send(port, "GET", f"/api/v1/decisions/{decision}", headers=token).status == 200, "the decision")
    status = send(port, "GET", "/api/v1/status", headers=token).json
    assert (status["ready"], status["rules"]) == (True, 1)

    pid = service.status()["admin"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert ask(service.port)["FR_SOURCE"] == "fallback"
    wait_until(lambda: (service.status()["admin"] or {}).get("pid", pid) != pid, "another process")
    assert admin_port(service) == port
    assert browser.get("/").status == 200, "a session outlives the process"
    assert service.stop() == 0


def test_a_port_that_is_taken_stops_no_call(whole: Whole) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        whole.configure(admin=f'listen = "127.0.0.1:{port}"')
        service = whole.start().ready()
        assert ask(service.port)["FR_SOURCE"] == "fallback"
        wait_until(lambda: (service.status()["admin"] or {}).get("state") == "cannot listen", "word of it")
    assert admin_port(service) == port, "it is tried again"
    assert send(port, "GET", "/healthz").status == 200


def test_a_reload_moves_it_and_takes_it_away(whole: Whole) -> None:
    whole.configure(admin='listen = "127.0.0.1:0"')
    service = whole.start().ready()
    port = admin_port(service)
    whole.configure(admin='listen = ""')
    service.command("reload", 120)
    assert service.status()["admin"] is None
    with pytest.raises(OSError, match="refused"):
        send(port, "GET", "/healthz")
    whole.configure(admin='listen = "127.0.0.1:0"')
    service.command("reload", 120)
    assert send(admin_port(service), "GET", "/healthz").status == 200


def test_no_request_that_fits_the_description_is_our_fault(whole: Whole) -> None:
    whole.configure(admin='listen = "127.0.0.1:0"')
    service = whole.start().ready()
    port = admin_port(service)
    scopes = [word for scope in ("read", "operate", "edit") for word in ("--scope", scope)]
    headers = {"Authorization": f"Bearer {admin_command(whole, 'token', 'add', 'robot', *scopes)}"}
    for operation in table():
        _try(operation, port, headers)
    assert ask(service.port)["FR_SOURCE"]


def _try(operation: Any, port: int, headers: dict[str, str]) -> None:
    @tried(full_or(3, full=200))
    @given(data=st.data())
    def all_requests(data: st.DataObject) -> None:
        judge(data.draw(operation.as_strategy()), port, headers)

    all_requests()
