"""A CRM that cannot be reached, or whom nobody may trust: refused, silent, restarting, and TLS in all its failures."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.fakes.certificates import Authority, Certificate, self_signed
from tests.fakes.crm_process import CrmProcess
from tests.fakes.namespace import Namespace
from tests.fakes.service import wait_until
from tests.scenarios.faults.numbers import ALL, EACH, LOCAL, SOME_LIVE
from tests.scenarios.faults.scene import Scene

RESTART_EVERY_S = 0.2


def test_connection_refused(scene: Scene) -> None:
    with CrmProcess() as crm:
        scene.start(crm.url)
        scene.story.fault = "connection refused"
        scene.healthy()
        crm.kill()
        scene.calls(LOCAL)
        crm.start()
        scene.recovers()
        assert "unavailable: connection refused" in scene.reasons()


def test_syn_dropped(scene: Scene) -> None:
    with Namespace() as there, CrmProcess(prefix=there.prefix, host=there.address) as crm:
        scene.start(crm.url)
        scene.story.fault = "SYN dropped"
        scene.healthy()
        met = crm.state()["requests"]
        there.drop()
        scene.calls(LOCAL)
        there.let_through()
        assert crm.state()["requests"] - met <= 50, "what reached it came over connections that were open before"
        scene.recovers()
        assert any(reason.startswith("timed_out: no answer within") for reason in scene.reasons())


def test_a_crm_that_restarts_all_the_time(scene: Scene) -> None:
    with CrmProcess() as crm:
        scene.start(crm.url)
        scene.story.fault = "CRM restarting every 200 ms"
        scene.healthy()
        with restarting(crm) as restarts:
            for start in range(0, len(ALL), EACH):
                seen = len(restarts)
                wait_until(partial(_longer, restarts, seen), "it restarts")
                scene.calls(SOME_LIVE, ALL[start : start + EACH])
        scene.recovers()
        reasons = scene.reasons()
    assert any(re.match("unavailable: (connection|closed)|timed_out", reason) for reason in reasons), reasons


def _longer(restarts: list[int], than: int) -> bool:
    return len(restarts) > than


@contextmanager
def restarting(crm: CrmProcess) -> Iterator[list[int]]:
    """Have it killed and started again and again; afterwards it runs."""
    over = threading.Event()
    restarts: list[int] = []

    def restart() -> None:
        while not over.wait(RESTART_EVERY_S):
            crm.kill()
            restarts.append(crm.port)
            crm.start()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield restarts
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def served_with(certificate: Certificate) -> tuple[str, ...]:
    """Return the fake's arguments."""
    return ("--cert", str(certificate.cert), "--key", str(certificate.key))


def bad(kind: str, authority: Authority) -> Certificate:
    """Make a certificate that nobody may trust."""
    match kind:
        case "wrong":
            return authority.issue("wrong", "DNS:other.example,IP:127.0.0.99")
        case "expired":
            return authority.issue("expired", "IP:127.0.0.1", expired=True)
    return self_signed(authority.ca_file.parent, "self_signed", "IP:127.0.0.1")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("wrong", "IP address mismatch"), ("expired", "expired"), ("self-signed", "self-signed certificate")],
)
def test_a_certificate_that_nobody_may_trust(scene: Scene, authority: Authority, kind: str, reason: str) -> None:
    good = served_with(authority.issue("good", "IP:127.0.0.1"))
    with CrmProcess(*good) as crm:
        scene.start(crm.url, f'ca_file = "{authority.ca_file}"')
        scene.story.fault = f"TLS: {kind} certificate"
        scene.healthy()
        crm.restart(*served_with(bad(kind, authority)))
        scene.calls(LOCAL)
        assert crm.state()["accepted"] > 0
        assert crm.state()["requests"] == 0, "a question was put to a peer that is not the CRM"
        crm.restart(*good)
        scene.recovers()
        reasons = scene.reasons()
    assert any(reason in found and "TLS" in found for found in reasons), reasons


def test_a_handshake_that_hangs(scene: Scene, authority: Authority) -> None:
    good = served_with(authority.issue("good", "IP:127.0.0.1"))
    with CrmProcess(*good) as crm:
        scene.start(crm.url, f'ca_file = "{authority.ca_file}"')
        scene.story.fault = "TLS handshake that hangs"
        scene.healthy()
        crm.restart(*good, "--mode", "hang_tls")
        scene.calls(LOCAL)
        assert crm.state()["met"]["hang_tls"] > 0
        crm.set_mode("ok")
        scene.recovers()
        assert any(reason.startswith("timed_out: no answer within") for reason in scene.reasons())
