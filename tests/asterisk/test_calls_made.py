"""Calls that the CRM has made, in a real Asterisk: by AJAM's own URL, and none of them twice, whatever dies."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fallbackrouter.admin.secret import digest_of, new_token
from fallbackrouter.clock import SystemClock
from fallbackrouter.config.calls import call_desk
from fallbackrouter.config.load import load_settings
from fallbackrouter.store.audit import list_entries
from fallbackrouter.store.sessions import Token, add_token
from tests.asterisk.harness import Exchange, free_port
from tests.asterisk.roots import Release
from tests.asterisk.routed import Routed
from tests.asterisk.settings import CALLER, SECRET
from tests.fakes.admin import Answer, send, send_raw
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import wait_until
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

CALLS = full_or(40, full=200)
AT_ONCE = 8
URL = (
    "/asterisk/mxml?action=originate&channel=Local/632@inbound&callerid=79507533333&context=outbound&exten=74951111111"
    f"&priority=1&async=yes&variable=crm=3D32599_CONTACT&variable=text={quote('тест')}&variable=queue=1"
)
DIALPLAN = """\
[inbound]
exten => _X.,1,Answer()
 same => n,Wait(1)
 same => n,Hangup()
exten => 17,1,Busy(2)

[outbound]
exten => _X.,1,Verbose(1,MADE ${FR_CALL} crm ${crm} text ${text} queue ${queue} from ${CALLERID(num)} by ${CHANNEL})
 same => n,Wait(0.5)
 same => n,Hangup()
"""
MADE = re.compile(r"app_verbose\.c: MADE ([0-9a-f-]{36}) crm")
"""As the application says it; the log has a line besides that it is executed."""
CONFIG = """\
[ami]
connect = "127.0.0.1:{manager}"
user = "{user}"
secret = "{secret}"

[calls]
contexts = ["outbound"]
channels = ["Local/_XXX@inbound", "Local/17@inbound"]
caller_ids = ["79507533333"]
at_once = {at_once}
max_rate = 0
max_per_minute = 1000
"""


@pytest.fixture(scope="module")
def own(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An Asterisk that may be killed."""
    with Exchange(release, tmp_path_factory.mktemp("own") / "asterisk") as own:
        own.load(DIALPLAN)
        yield own


@pytest.fixture(scope="module")
def crm() -> Iterator[CrmProcess]:
    with CrmProcess() as crm:
        yield crm


class Office(Routed):
    """A router that makes calls, with a token for who asks for them."""

    def __init__(self, folder: Path, crm_url: str, own: Exchange) -> None:
        self.admin_port = free_port()
        values = {"manager": own.manager_port, "user": CALLER, "secret": SECRET}
        super().__init__(folder, crm_url, more=CONFIG.format(**values, at_once=AT_ONCE))
        listens = self.config.read_text(encoding="utf-8")
        listens = listens.replace('[admin]\nlisten = ""', f'[admin]\nlisten = "127.0.0.1:{self.admin_port}"')
        # what is tested is what becomes of calls, on a machine that may stand still for long
        listens = listens.replace("[agi]\n", "[agi]\nheartbeat_ms = 30000\n")
        self.config.write_text(listens, encoding="utf-8")
        self.secret = new_token()
        self.cookie = ""

    def begin(self) -> None:
        """Start, and be known."""
        self.start()
        file = self.folder / "var/admin.db"
        wait_until(lambda: (self.service.status()["admin"] or {}).get("state") == "ready", "the web interface", 300)
        clock = SystemClock()
        token = Token(clock.new_id(), "crm", ("call",))
        wait_until(lambda: self._added(file, token), "the token")
        wait_until(lambda: self.status().get("connected"), "the login at Asterisk", 300)
        self.log_in()

    def log_in(self) -> None:
        """Log in as a CRM does; a login lives for a minute."""
        said = self.ask(f"/asterisk/mxml?action=login&username=crm&secret={self.secret}")
        assert "Authentication accepted" in said.text
        self.cookie = said.headers["set-cookie"].partition(";")[0]

    def _added(self, file: Path, token: Token) -> bool:
        add_token(file, token, digest_of(self.secret), SystemClock().now_at())
        return True

    def audit(self) -> str:
        """What the audit log holds of refusals."""
        entries = list_entries(self.folder / "var/admin.db", 100)
        return "\n".join(f"{entry['who']} {entry['outcome']}" for entry in entries)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.service.status()["background"].get("asterisk", {})
        return found

    def ask(self, path: str) -> Answer:
        return send(self.admin_port, "GET", path, headers={"Cookie": self.cookie} if self.cookie else {})

    def calls(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM out_calls ORDER BY out_id")

    def wait_ended(self) -> list[dict[str, Any]]:
        wait_until(lambda: all(call["ended_at"] for call in self.calls()), "the end of all calls")
        return self.calls()


@pytest.fixture(scope="module")
def office(own: Exchange, crm: CrmProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("router"), crm.url, own) as office:
        office.begin()
        yield office


def _made(own: Exchange) -> Counter[str]:
    """How often each call came into the dialplan."""
    return Counter(MADE.findall(own.log))


def _recorded(own: Exchange) -> Counter[str]:
    """How often each call stands in Asterisk's call detail records: that of its first channel in the dialplan."""
    return Counter(record[0] for record in own.records if record[2] == "outbound")


def _told(crm: CrmProcess) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {}
    for event in crm.events():
        if event["stage"] == "call_ended":
            told.setdefault(event["id"], []).append(event)
    return told


@pytest.mark.core
def test_ajams_own_url_makes_a_call_whose_dialplan_sees_what_was_sent(
    own: Exchange, office: Office, crm: CrmProcess
) -> None:
    bare = URL.replace(quote("тест"), "тест")
    head = f"GET {bare} HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\nCookie: {office.cookie}\r\n\r\n"
    assert send_raw(office.admin_port, head.encode()).endswith(
        "<ajax-response>\n<response type='object' id='unknown'><generic response='Success' "
        "message='Originate successfully queued' /></response>\n</ajax-response>\n"
    )
    [call] = office.wait_ended()
    assert (call["state"], call["cause"]) == ("answered", 16)
    seen = f"MADE {call['out_id']} crm 3D32599_CONTACT text тест queue 1 from 79507533333 by Local/632@inbound-"
    assert seen in own.log
    wait_until(lambda: call["out_id"] in _told(crm), "the CRM to hear of the end")
    [told] = _told(crm)[call["out_id"]]
    talked_s = round((call["ended_at"] - call["answered_at"]) / 1000)
    assert (told["facts"]["outcome"], told["hangup_cause"], told["billsec"]) == ("answered", "16", str(talked_s))


@pytest.mark.core
def test_a_busy_one_is_told_so(office: Office) -> None:
    assert "Success" in office.ask(URL.replace("Local/632@", "Local/17@")).text
    ended = office.wait_ended()[-1]
    assert (ended["state"], ended["cause"]) == ("busy", 17)


@pytest.mark.core
@pytest.mark.parametrize(
    ("what", "words"),
    [
        (URL.replace("context=outbound", "context=internal"), "calls.contexts lacks the context"),
        (f"{URL}&application=System&data=id", "no application is run"),
        (URL.replace("queue=1", "queue=1%0d%0aAction:%20Ping"), "a line break"),
        (URL.replace("queue=1", "queue=1%7C2"), "a pipe"),
        (URL.replace("variable=queue=1", "variable=SHELL(id)=1"), "a dialplan function"),
        (URL.replace("variable=queue=1", "variable=queue=$%7BSHELL(id)%7D"), "a dialplan evaluates"),
        (URL.replace("Local/632@inbound", "SIP/632"), "calls.channels"),
        (URL.replace("action=originate", "action=command"), "Invalid/unknown command: command"),
    ],
)
def test_what_may_not_be_asked_is_refused_and_in_the_audit_log(
    own: Exchange, office: Office, what: str, words: str
) -> None:
    before, made = office.calls(), _made(own)
    said = office.ask(what)
    assert "response='Error'" in said.text
    assert words in said.text
    assert office.calls() == before
    assert _made(own) == made
    assert f"token crm refused: {'the call is refused: ' if 'originate' in what else ''}" in office.audit()
    assert words in office.audit()


def test_asterisk_is_killed_under_the_queue_and_no_call_is_made_twice(
    own: Exchange, office: Office, crm: CrmProcess
) -> None:
    before = {call["out_id"] for call in office.calls()}
    desk = call_desk(load_settings(office.config, {}), SystemClock())
    assert desk is not None
    wanted = {"channel": "Local/632@inbound", "context": "outbound", "exten": "74951111111", "not_after": 600}
    asked = [desk.ask("test", {**wanted, "id": f"k{number}"})[0].out_id for number in range(CALLS)]
    assert not any(desk.ask("test", {**wanted, "id": f"k{number}"})[1] for number in range(3))
    desk.queue.close()

    def done() -> int:
        return sum(bool(call["ended_at"]) for call in office.calls()) - len(before)

    wait_until(lambda: done() >= CALLS // 4, "a part of the calls")
    own.kill()
    wait_until(lambda: not office.status()["connected"], "the loss of the manager interface")
    own.start()
    wait_until(lambda: all(call["ended_at"] for call in office.calls()), "the end of all calls", 300)
    calls = [call for call in office.calls() if call["out_id"] not in before]
    ended = {call["out_id"]: call["state"] for call in calls}
    assert list(ended) == asked
    made = _made(own)
    assert all(made[out_id] <= 1 for out_id in asked)
    uncertain = [out_id for out_id in asked if ended[out_id] in {"unknown", "failed"}]
    assert len(uncertain) <= AT_ONCE
    recorded = _recorded(own)
    assert all(recorded[out_id] <= 1 for out_id in asked)
    # One that was killed in a call keeps no record of it, and may have lost the line of its log that was not out yet.
    seen = [call["out_id"] for call in calls if call["state"] == "answered" and not call["reason"]]
    assert [out_id for out_id in seen if (made[out_id], recorded[out_id]) != (1, 1)] == []
    cut_off = [call["out_id"] for call in calls if call["state"] == "answered" and call["reason"]]
    assert len(cut_off) + len(uncertain) <= AT_ONCE
    assert set(ended.values()) <= {"answered", "unknown", "failed"}
    wait_until(lambda: set(asked) <= set(_told(crm)), "the CRM to hear of every end")
    assert all(len(_told(crm)[out_id]) == 1 for out_id in asked)


def test_a_call_that_asterisk_cannot_take_in_time_is_never_made(own: Exchange, office: Office) -> None:
    own.freeze()
    wait_until(lambda: not office.status()["connected"], "the loss of the manager interface")
    desk = call_desk(load_settings(office.config, {}), SystemClock())
    assert desk is not None
    wanted = {"channel": "Local/632@inbound", "context": "outbound", "exten": "74951111111", "not_after": 1}
    late, _ = desk.ask("test", wanted)
    desk.queue.close()
    wait_until(lambda: office.calls()[-1]["state"] == "expired", "the call to be given up")
    own.thaw()
    wait_until(lambda: office.status()["connected"], "the way back")
    office.log_in()
    wait_until(lambda: "Success" in office.ask(URL).text, "another call")
    assert office.wait_ended()[-1]["state"] == "answered"
    assert _made(own)[late.out_id] == 0
