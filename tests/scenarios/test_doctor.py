"""`fallbackrouter doctor` beside the whole service, as people run it."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import ROOT, wait_until
from tests.fakes.whole import DID, Whole, make_calls, rule

PATIENT = "[rules]\ntimezone = 'Europe/Moscow'\n[budget]\ncall_ms = 9000\nlive_ms = 8000\n"
"""With budgets that a busy machine keeps."""


def examine(whole: Whole, *words: str) -> tuple[int, str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "fallbackrouter", "doctor", "--config", str(whole.config), *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def findings(whole: Whole, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    status, text = examine(whole, "--json", *words)
    told = json.loads(text)
    assert (told["v"], told["ok"]) == (1, status == 0)
    by_check: dict[str, list[dict[str, Any]]] = {}
    for finding in told["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return status, by_check


def test_a_service_that_is_well_is_found_well(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    with CrmProcess() as crm:
        whole.configure(f'[crm]\nurl = "{crm.url}"\n{PATIENT}')
        service = whole.start().ready()
        status, found = findings(whole, "--did", "112")
        requests = crm.requests()
    assert status == 0, found
    for check in ("config", "rules", "journal", "dns", "tcp", "crm", "service", "agi", "limits"):
        assert {one["level"] for one in found[check]} == {"ok"}, found[check]
    assert f"127.0.0.1:{service.port} answered" in found["agi"][0]["what"]
    asked = [request["body"] for request in requests if request["method"] == "POST"]
    assert [(body["phonenumber"], body["test"]) for body in asked] == [("112", True)] * 2
    assert service.stop() == 0
    assert whole.query("SELECT 'test' FROM decisions WHERE test = 1") == [("test",)]


def test_the_table_says_what_to_do(whole: Whole) -> None:
    whole.configure()
    status, text = examine(whole)
    assert status == 1
    assert "fallbackrouter serve" in text
    assert "service" in text
    assert " failed, " in text


def test_what_keeps_calls_from_the_crm_is_told(whole: Whole) -> None:
    with CrmProcess("--mode", "500") as crm:
        whole.configure(f'[crm]\nurl = "{crm.url}"\n{PATIENT}')
        service = whole.start().ready()
        make_calls(service.port, 100, 5)
        wait_until(lambda: service.status()["breaker"]["state"] == "open", "the breaker opens")
        service.command("drill", fault="hang", for_s=60)
        _, found = findings(whole)
        service.command("drill_end")
    whats = [one["what"] for one in found["service"]]
    assert {one["level"] for one in found["service"]} == {"warn"}
    assert any("a drill is on: hang" in what for what in whats)
    assert any("its breaker is open" in what for what in whats)
    assert found["crm"][0]["level"] == "fail"
    assert "HTTP status 500" in found["crm"][0]["what"]


def test_a_frozen_service_holds_up_no_examination(whole: Whole) -> None:
    whole.configure(PATIENT)
    service = whole.start().ready()
    port, workers = service.port, service.worker_pids()
    for pid in (service.pid, *workers):
        os.kill(pid, signal.SIGSTOP)
    status, found = findings(whole)
    for pid in (service.pid, *workers):
        os.kill(pid, signal.SIGCONT)
    assert status == 1
    assert found["service"][0]["level"] == "fail"
    assert "did not answer" in found["service"][0]["what"]
    assert found["rules"][0]["level"] in ("ok", "warn")
    assert port
