"""Name servers that fail, at the start and later: no call waits for one."""

import pytest

from tests.fakes.crm_process import CrmProcess
from tests.fakes.dns_thread import DnsThread
from tests.fakes.service import wait_until
from tests.scenarios.faults.numbers import FROM_LIVE, LOCAL
from tests.scenarios.faults.scene import Scene

HOST = "crm.example"
RECORDS = {HOST: ["127.0.0.1"]}


def named(crm: CrmProcess) -> str:
    """Return the CRM's URL by name."""
    return crm.url.replace("127.0.0.1", HOST)


def only(dns: DnsThread) -> str:
    """Return the key that has the daemon ask this name server alone."""
    return f'nameservers = ["{dns.address}"]'


@pytest.mark.parametrize(
    ("mode", "name"), [("silent", "DNS silent"), ("servfail", "DNS SERVFAIL"), ("nxdomain", "DNS NXDOMAIN")]
)
def test_a_name_server_that_fails_at_the_start(scene: Scene, mode: str, name: str) -> None:
    with CrmProcess() as crm, DnsThread(RECORDS, mode=mode, ttl_s=1) as dns:
        scene.start(named(crm), only(dns))
        scene.story.fault = f"{name} at the start"
        scene.note_vitals()
        scene.calls(LOCAL)
        assert dns.asked(HOST) > 0
        dns.mode = "ok"
        scene.recovers()
        reasons = scene.reasons()
    assert reasons == {"skipped: no address yet"}


@pytest.mark.parametrize(
    ("mode", "name"), [("silent", "DNS silent"), ("servfail", "DNS SERVFAIL"), ("nxdomain", "DNS NXDOMAIN")]
)
def test_a_name_server_that_fails_later(scene: Scene, mode: str, name: str) -> None:
    with CrmProcess() as crm, DnsThread(RECORDS, ttl_s=1) as dns:
        scene.start(named(crm), only(dns))
        scene.story.fault = f"{name} later"
        scene.story.note = "the last good addresses serve"
        scene.healthy()
        dns.mode = mode
        asked = dns.asked(HOST)
        wait_until(lambda: dns.asked(HOST) > asked, "the name is looked up again")
        scene.calls(FROM_LIVE)
        dns.mode = "ok"
        scene.recovers()
