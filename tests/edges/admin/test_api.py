"""The HTTP API, operation by operation, on a real journal and real rule files."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.admin.api.sync import sign
from fallbackrouter.core.errors import ControlError, RefusedError
from tests.fakes.admin import RULE, STATUS, AdminServer, Answer

SECRET = "a secret of the CRM's own"  # noqa: S105 - a test's
OTHER = '- {name: night, tier: fallback, did: "74951111111", route: {app: group, num: "63"}}\n'


ANSWERS: dict[str, dict[str, Any]] = {
    "apply": {"changed": True, "problems": [], "rules": 1},
    "sync": {"wanted": True},
    "rules_changed": {"rules": 1},
    "deliver": {"waits": ""},
    "call": {"waits": ""},
}


class Parent:
    """The parent's side of the control socket, as far as these tests need one."""

    def __init__(self) -> None:
        self.drill: dict[str, Any] | None = None
        self.gone = False

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.gone:
            raise ControlError("fallbackrouter is not running here")
        if message["do"] == "drill":
            return self._begin(message)
        if message["do"] == "drill_end":
            ended, self.drill = self.drill is not None, None
            return {"ended": ended}
        return {"status": {**STATUS, "drill": self.drill}}.get(message["do"]) or dict(ANSWERS[message["do"]])

    def _begin(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.drill is not None:
            raise RefusedError("a drill is on already")
        self.drill = {"number": 1, "fault": message["fault"], "share": message["share"], "on_s": 0.0, "left_s": 1.0}
        return self.drill


class Api(AdminServer):
    """The server, and a program that may do everything."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.parent = Parent()
        super().__init__(folder, command=self.parent.answer, config=config, sync_secret=SECRET)
        self.headers = self.token("read", "operate", "edit", "call")

    def do(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(method, f"/api/v1{path}", body, {**self.headers, **given})

    def audit(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.do("GET", "/audit").json["audit"]
        return found


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path) as api:
        yield api


def test_rule_files_are_read_and_saved_with_their_state(api: Api) -> None:
    (file,) = api.do("GET", "/rules/files").json["files"]
    read = api.do("GET", "/rules/files/rules.yaml")
    assert read.json["text"] == RULE
    assert read.headers["etag"] == f'"{file["state"]}"'
    saved = api.do("PUT", "/rules/files/rules.yaml", {"text": OTHER}, If_Match=read.headers["etag"])
    assert saved.status == 200
    assert (api.folder / "rules/rules.yaml").read_text() == OTHER
    assert saved.headers["etag"] == api.do("GET", "/rules/files/rules.yaml").headers["etag"]
    entry = api.audit()[0]
    assert (entry["who"], entry["action"], entry["target"]) == ("token robot", "rules save", "rules.yaml")
    assert (entry["before"], entry["after"], entry["outcome"]) == (RULE, OTHER, "done")


def test_a_stale_edit_is_refused_with_the_difference(api: Api) -> None:
    state = api.do("GET", "/rules/files/rules.yaml").headers["etag"]
    meanwhile = RULE.replace("62", "64")
    (api.folder / "rules/rules.yaml").write_text(meanwhile)
    stale = api.do("PUT", "/rules/files/rules.yaml", {"text": OTHER}, If_Match=state)
    assert stale.status == 412
    assert stale.json["text"] == meanwhile
    assert "-" + meanwhile in stale.json["diff"]
    assert "+" + OTHER in stale.json["diff"]
    assert (api.folder / "rules/rules.yaml").read_text() == meanwhile
    assert api.audit()[0]["outcome"].startswith("refused: ")
    again = api.do("PUT", "/rules/files/rules.yaml", {"text": OTHER}, If_Match=stale.headers["etag"])
    assert again.status == 200


def test_a_save_names_the_state_that_it_was_made_from(api: Api) -> None:
    assert api.do("PUT", "/rules/files/rules.yaml", {"text": OTHER}).status == 428
    new = api.do("PUT", "/rules/files/more.yaml", {"text": OTHER.replace("night", "more")}, If_Match='"absent"')
    assert new.status == 200
    assert api.do("PUT", "/rules/files/more.yaml", {"text": ""}, If_Match='"absent"').status == 412


@pytest.mark.parametrize("name", ["..%2fx.yaml", ".hidden.yaml", "x.txt", "%00.yaml", "x" * 150 + ".yaml", "%ff.yaml"])
def test_nothing_but_files_of_rules_is_read_or_written(api: Api, name: str) -> None:
    before = sorted(api.folder.rglob("*"))
    for answer in (
        api.do("GET", f"/rules/files/{name}"),
        api.do("PUT", f"/rules/files/{name}", {"text": OTHER}, If_Match="absent"),
    ):
        assert answer.status in {404, 422}
    assert [path for path in sorted(api.folder.rglob("*")) if "admin.db" not in path.name] == [
        path for path in before if "admin.db" not in path.name
    ]


def test_rules_that_do_not_check_are_not_saved_and_every_problem_is_named(api: Api) -> None:
    state = api.do("GET", "/rules/files/rules.yaml").headers["etag"]
    refused = api.do("PUT", "/rules/files/rules.yaml", {"text": "- {name: x, did: ["}, If_Match=state)
    assert refused.status == 422
    assert refused.json["problems"][0]["line"] == 1
    assert (api.folder / "rules/rules.yaml").read_text() == RULE


def test_a_draft_is_checked_and_compared_without_being_saved(api: Api) -> None:
    assert api.do("POST", "/rules/check", {}).json["ok"] is True
    checked = api.do("POST", "/rules/check", {"file": "rules.yaml", "text": "- {name: x}"}).json
    assert checked["ok"] is False
    assert {problem["file"] for problem in checked["problems"]} == {"rules.yaml"}
    (one,) = api.do("POST", "/rules/diff", {"file": "rules.yaml", "text": OTHER}).json["differences"]
    assert (one["change"], one["name"]) == ("added", "night")
    assert api.do("POST", "/rules/diff", {"file": "rules.yaml", "text": "- {name: x}"}).status == 422
    tried = api.do("POST", "/rules/backtest", {"file": "rules.yaml", "text": OTHER, "last": 10})
    assert tried.json["calls"] == 0
    assert (api.folder / "rules/rules.yaml").read_text() == RULE


def test_rules_are_applied_pinned_and_gone_back_to(api: Api) -> None:
    assert api.do("POST", "/rules/apply").json == {"changed": True, "rules": 1}
    assert {"do": "apply"} in api.asked
    pinned = api.do("POST", "/rules/pin", {"did": "74951111111", "to": ["group:70"], "for": "2h", "why": "snow"})
    assert (pinned.status, pinned.json["name"], pinned.json["waits"]) == (200, "pin 74951111111", "")
    assert "snow" in (api.folder / "rules/pins.yaml").read_text()
    (rule,) = api.do("GET", "/rules").json["rules"]
    assert rule["tier"] == "override"
    assert len(api.do("GET", "/rules/history").json["history"]) == 1
    assert api.do("POST", "/rules/unpin", {"pinned": "74951111111"}).json["ended"] == ["pin 74951111111"]
    assert api.do("POST", "/rules/unpin", {"pinned": "74951111111"}).status == 422
    assert api.do("POST", "/rules/rollback", {"number": 1}).json["to"] == 1
    assert api.do("POST", "/rules/rollback", {"number": 99}).status == 422
    actions = [entry["action"] for entry in api.audit()]
    assert actions[::-1] == [
        "rules apply",
        "rules pin",
        "rules unpin",
        "rules unpin",
        "rules rollback",
        "rules rollback",
    ]


def test_what_is_not_there_is_404_and_what_cannot_be_meant_is_422(api: Api) -> None:
    for path in ("/decisions/x", "/decisions/x/replay", "/events/x", "/routes/x", "/rules/files/x.yaml"):
        assert api.do("GET", path).status == 404, path
    for path in ("/decisions?sorce=live", "/decisions?limit=0", "/decisions?since=soon", "/decisions?did=1&did=2"):
        answer = api.do("GET", path)
        assert answer.status == 422, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert api.do("POST", "/events/drop", {}).status == 422
    assert api.do("POST", "/drill", {"fault": "dns", "for_s": 4000}).status == 422
    assert api.do("POST", "/drill", b"{").status == 415
    assert api.do("POST", "/drill", b"{", Content_Type="application/json").status == 400
    assert api.do("POST", "/drill", b"[" * 100_000, Content_Type="application/json").status in {400, 422}


def test_explain_says_where_a_call_would_go(api: Api) -> None:
    found = api.do("GET", "/explain?did=74951111111&files=true").json
    assert (found["source"], found["rule"]) == ("fallback", "night")


def test_a_drill_begins_once_and_ends(api: Api) -> None:
    assert api.do("POST", "/drill", {"fault": "dns", "for_s": 60}).json["drill"]["fault"] == "dns"
    assert api.do("POST", "/drill", {"fault": "dns", "for_s": 60}).status == 409
    assert api.do("DELETE", "/drill").json == {"ended": True}


def test_a_parent_that_does_not_answer_is_told_of(api: Api) -> None:
    api.parent.gone = True
    answer = api.do("GET", "/status")
    assert (answer.status, "not running" in answer.json["detail"]) == (503, True)
    assert api.send("GET", "/readyz").status == 503
    assert api.send("GET", "/healthz").status == 200


def signed(body: bytes, at_s: float, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(at_s))
    signature = sign(secret.encode(), timestamp, body)
    return {"Fallbackrouter-Timestamp": timestamp, "Fallbackrouter-Signature": signature}


def now_s() -> float:
    return time.time()  # noqa: TID251 - as the CRM does


def test_the_crm_says_pull_now_by_a_signature_that_counts_once(api: Api) -> None:
    body = b'{"full": true}'
    given = signed(body, now_s())
    assert api.send("POST", "/api/v1/sync", body, given).status == 202
    assert {"do": "sync", "full": True} in api.asked
    assert api.send("POST", "/api/v1/sync", body, given).status == 401
    assert api.audit()[0]["who"] == "crm"


@pytest.mark.parametrize(
    "given",
    [
        {},
        signed(b"{}", now_s(), "another secret"),
        signed(b'{"full": true}', now_s()),
        signed(b"{}", now_s() - 1000),
        signed(b"{}", now_s() + 1000),
        {**signed(b"{}", now_s()), "Fallbackrouter-Timestamp": "9" * 500},
        {**signed(b"{}", now_s()), "Fallbackrouter-Timestamp": "²"},
    ],
    ids=["unsigned", "another secret", "another body", "too old", "too new", "endless", "no digit"],
)
def test_a_signature_that_is_not_right_is_a_strangers(api: Api, given: dict[str, str]) -> None:
    encoded = {name: value.encode().decode("latin-1") for name, value in given.items()}
    assert api.send("POST", "/api/v1/sync", b"{}", encoded).status == 401
    assert not [one for one in api.asked if one["do"] == "sync"]


def test_without_a_secret_no_signature_is_right(tmp_path: Path) -> None:
    with AdminServer(tmp_path) as server:
        assert server.send("POST", "/api/v1/sync", b"", signed(b"", now_s(), "")).status == 401


def test_a_change_without_an_entry_is_none(api: Api) -> None:
    api.do("GET", "/status")  # the token is known for a moment
    state = api.do("GET", "/rules/files/rules.yaml").headers["etag"]

    with closing(sqlite3.connect(api.file)) as connection:
        connection.execute("DROP TABLE audit")
        connection.commit()
    refused = api.do("PUT", "/rules/files/rules.yaml", {"text": OTHER}, If_Match=state)
    assert refused.status == 503
    assert (api.folder / "rules/rules.yaml").read_text() == RULE
