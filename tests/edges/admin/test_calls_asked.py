"""Calls asked for by HTTP, in our form and in AJAM's own: who may, what is refused, and what the log has of it."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from fallbackrouter.store.calls import CallQueue
from tests.fakes.admin import AdminServer, Answer, send_raw

CONFIG = """
[ami]
user = "fallbackrouter"
secret = "a-long-secret"

[calls]
contexts = ["outbound"]
channels = ["Local/_XXX@inbound"]
caller_ids = ["79507533333"]
do_not_call = ["74952222222"]
max_per_minute = 6
"""
CALL: dict[str, Any] = {
    "channel": "Local/632@inbound",
    "callerid": "79507533333",
    "context": "outbound",
    "exten": "74951111111",
    "variables": {"crm": "3D32599_CONTACT", "text": "тест", "queue": 1},
}
ORIGINATE = (
    "action=originate&channel=Local/632@inbound&callerid=79507533333&context=outbound&exten=74951111111"
    f"&priority=1&async=yes&variable=crm=3D32599_CONTACT&variable=text={quote('тест')}&variable=queue=1"
)
QUEUED = (
    "<ajax-response>\n<response type='object' id='unknown'><generic response='Success' "
    "message='Originate successfully queued' /></response>\n</ajax-response>\n"
)


class Office(AdminServer):
    """A web interface through which calls may be asked for."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        super().__init__(folder, command=lambda _: {"waits": ""}, config=config)
        self.headers = self.token("call", name="crm")

    @property
    def secret(self) -> str:
        """The token of `headers`."""
        return self.headers["Authorization"].removeprefix("Bearer ")

    def post(self, call: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
        return self.send("POST", "/api/v1/calls", call, headers or self.headers)

    def show(self, url: str, headers: dict[str, str] | None = None) -> Answer:
        return self.send("GET", url, None, headers or self.headers)

    def ajam(self, query: str, form: str = "mxml", **headers: str) -> Answer:
        return self.send("GET", f"/asterisk/{form}?{query}", None, headers)

    def log_in(self) -> str:
        """Log in as a CRM does, and return its cookie."""
        said = self.ajam(f"action=login&username=crm&secret={self.secret}")
        assert "response='Success' message='Authentication accepted'" in said.text
        return said.headers["set-cookie"].partition(";")[0]

    def wanted(self) -> list[Any]:
        """The calls that wait, newest first."""
        queue = CallQueue(self.office.journal, lambda _: None)
        found = queue.newest(100)
        queue.close()
        return found

    def audit(self) -> list[dict[str, Any]]:
        """The audit log, newest first."""
        found: list[dict[str, Any]] = self.show("/api/v1/audit", self.token("edit", name="auditor")).json["audit"]
        return found


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path) as office:
        yield office


def test_a_call_is_taken_once_and_followed_by_who_asked(office: Office) -> None:
    taken = office.post({**CALL, "id": "crm-1"})
    assert taken.status == 202
    assert taken.headers["location"] == taken.json["url"] == f"/api/v1/calls/{taken.json['call']}"
    assert (taken.json["state"], taken.json["new"], taken.json["owner"]) == ("waiting", True, "token crm")
    assert {"do": "call"} in office.asked
    again = office.post({**CALL, "id": "crm-1"})
    assert (again.status, again.json["call"], again.json["new"]) == (202, taken.json["call"], False)
    assert [call.out_id for call in office.wanted()] == [taken.json["call"]]
    shown = office.show(taken.json["url"])
    assert (shown.status, shown.json["variables"]) == (200, {"crm": "3D32599_CONTACT", "text": "тест", "queue": "1"})
    assert office.show(taken.json["url"], office.token("call", name="other")).status == 404
    assert office.show("/api/v1/calls/none").status == 404
    assert office.post({**CALL, "id": "crm-1", "exten": "74953333333"}).status == 409


def test_what_may_not_be_asked_is_refused_with_a_sentence_and_an_audit_line(office: Office) -> None:
    for changed, words in (
        ({"context": "internal"}, "calls.contexts lacks the context"),
        ({"application": "System", "data": "id"}, "no application is run"),
        ({"variables": {"text": "a\nAction: Ping"}}, "holds a line break"),
        ({"variables": {"text": "a|b"}}, "holds a pipe"),
        ({"variables": {"SHELL(id)": "1"}}, "is a dialplan function"),
        ({"variables": {"text": "${SHELL(id)}"}}, "a dialplan evaluates"),
        ({"exten": "74952222222"}, "do-not-call"),
        ({"channel": "SIP/632"}, "calls.channels"),
    ):
        refused = office.post({**CALL, **changed})
        assert refused.status == 403
        assert words in refused.json["detail"]
        entry = office.audit()[0]
        assert (entry["who"], entry["action"]) == ("token crm", "call make")
        assert entry["outcome"].startswith("refused: the call is refused: ")
        assert words in entry["outcome"]
    assert office.wanted() == []


def test_the_audit_log_holds_no_whole_number(office: Office) -> None:
    office.post({**CALL, "id": "79507533333", "callerid": "79261234567"})
    office.post({**CALL, "id": "79507533333"})
    refused, taken = sorted(office.audit(), key=lambda entry: str(entry["id"]))
    assert "calls.caller_ids lacks the number 7926*******" in refused["outcome"]
    assert (taken["outcome"], taken["target"]) == ("done", "7950*******")
    assert office.wanted()[0].out_id in taken["after"]


def test_only_the_scope_call_makes_calls(office: Office) -> None:
    others = office.token("read", "operate", "edit", name="others")
    assert office.post(CALL, others).status == 403
    assert office.send("POST", "/api/v1/calls", CALL).status == 401
    assert office.show("/api/v1/decisions").status == 403
    assert office.wanted() == []


def test_each_token_has_a_rate_of_its_own(office: Office) -> None:
    statuses = [office.post(CALL).status for _ in range(7)]
    assert statuses == [202] * 6 + [429]
    assert office.post(CALL, office.token("call", name="other")).status == 202


@pytest.mark.parametrize(
    ("body", "status"), [("[]", 422), ("{", 400), ('{"channel": 1.5}', 403), ("{}", 403), ('{"variables": []}', 403)]
)
def test_a_body_that_is_no_call_is_no_fault_of_ours(office: Office, body: str, status: int) -> None:
    headers = {**office.headers, "Content-Type": "application/json"}
    assert office.send("POST", "/api/v1/calls", body, headers).status == status


def test_where_no_calls_are_made_it_says_what_to_set(tmp_path: Path) -> None:
    with Office(tmp_path, config="") as office:
        assert "calls.contexts" in office.post(CALL).json["detail"]
        assert office.post(CALL).status == 404
        said = office.ajam(ORIGINATE, Authorization=office.headers["Authorization"])
        assert "response='Error' message='no calls are made here" in said.text


def test_ajam_as_a_crm_speaks_it(office: Office) -> None:
    cookie = office.log_in()
    said = office.ajam(ORIGINATE, Cookie=cookie)
    assert (said.status, said.text) == (200, QUEUED)
    assert said.headers["content-type"].startswith("text/xml")
    (call,) = office.wanted()
    assert dict(call.wanted.variables) == {"crm": "3D32599_CONTACT", "text": "тест", "queue": "1"}
    assert (call.owner, call.wanted.channel, call.wanted.exten) == ("token crm", "Local/632@inbound", "74951111111")
    raw = office.ajam(f"{ORIGINATE}&ActionID=a1", "rawman", Cookie=cookie)
    assert raw.text == "Response: Success\r\nActionID: a1\r\nMessage: Originate successfully queued\r\n\r\n"
    ping = office.ajam("action=ping", "rawman", Cookie=cookie).text
    assert re.fullmatch(r"Response: Success\r\nPing: Pong\r\nTimestamp: \d+\.\d{6}\r\n\r\n", ping)
    assert "Goodbye" in office.ajam("action=logoff", "rawman", Cookie=cookie).text
    assert "Permission denied" in office.ajam(ORIGINATE, Cookie=cookie).text


def test_letters_beyond_ascii_may_come_bare(office: Office) -> None:
    bare = ORIGINATE.replace(quote("тест"), "тест").encode()
    more = f"Host: x\r\nConnection: close\r\nAuthorization: {office.headers['Authorization']}\r\n\r\n".encode()
    said = send_raw(office.port, b"GET /asterisk/mxml?" + bare + b" HTTP/1.1\r\n" + more)
    assert said.endswith(QUEUED)
    (call,) = office.wanted()
    assert dict(call.wanted.variables)["text"] == "тест"


def test_ajam_by_a_posted_form_and_by_each_header(office: Office) -> None:
    basic = base64.b64encode(f"crm:{office.secret}".encode()).decode()
    for given in (f"Basic {basic}", office.headers["Authorization"]):
        headers = {"Authorization": given, "Content-Type": "application/x-www-form-urlencoded"}
        assert office.send("POST", "/asterisk/mxml", ORIGINATE, headers).text == QUEUED
    assert len(office.wanted()) == 2


def test_ajam_knows_four_actions_and_tells_a_stranger_nothing(office: Office) -> None:
    headers = {"Authorization": office.headers["Authorization"]}
    for action in ("command", "getconfig", "setvar", "redirect", ""):
        said = office.ajam(urlencode({"action": action, "command": "core stop now"}), **headers)
        assert "response='Error'" in said.text
        assert office.audit()[0]["action"] == f"ajam {action}".strip()
    for query in (ORIGINATE, "action=command", "action=ping", "action=nothing"):
        assert "message='Permission denied'" in office.ajam(query).text
    others = office.token("read", "edit", name="others")
    assert "Permission denied" in office.ajam(ORIGINATE, **others).text
    secret = others["Authorization"].removeprefix("Bearer ")
    assert "Authentication failed" in office.ajam(f"action=login&username=others&secret={secret}").text
    assert "Authentication failed" in office.ajam(f"action=login&username=admin&secret={office.secret}").text
    assert office.wanted() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (ORIGINATE.replace("queue=1", "queue=1%0d%0aAction:%20Ping"), "a line break"),
        (ORIGINATE.replace("queue=1", "queue=1%7C2"), "a pipe"),
        (f"{ORIGINATE}&application=System&data=id", "no application is run"),
        (f"{ORIGINATE}&codecs=ulaw", "codecs of AJAM"),
        (f"{ORIGINATE}&timeout=soon", "no number of milliseconds"),
        (ORIGINATE.replace("variable=queue=1", "variable=CHANNEL(language)=ru"), "a dialplan function"),
        (ORIGINATE.replace("context=outbound", "context=from-internal"), "calls.contexts"),
    ],
)
def test_ajams_refusals_are_sentences_with_an_audit_line(office: Office, changed: str, words: str) -> None:
    said = office.ajam(changed, Cookie=office.log_in())
    assert "response='Error'" in said.text
    assert words in said.text
    entry = office.audit()[0]
    assert (entry["who"], entry["action"]) == ("token crm", "call make")
    assert words in entry["outcome"]
    assert office.wanted() == []
