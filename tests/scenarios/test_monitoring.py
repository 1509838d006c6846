"""What is watched of the whole daemon: counts agree with the calls and outlive a worker; trouble is told, not fatal."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fallbackrouter.admin.secret import digest_of, new_token
from fallbackrouter.clock import SystemClock
from fallbackrouter.store.sessions import Token, add_token
from tests.fakes.admin import Answer, send
from tests.fakes.commands import run_command
from tests.fakes.crm_process import CrmProcess
from tests.fakes.feed import feed_row
from tests.fakes.service import Service, alive, wait_until
from tests.fakes.whole import DID, Whole, ask, make_calls, rule

PATIENT = "heartbeat_ms = 30000"
"""No worker may be taken for a hanging one because the machine is busy."""
LISTENS = 'listen = "127.0.0.1:0"'
SAFE_S = 120.0


class Watch:
    """A monitoring system with a token."""

    def __init__(self, service: Service) -> None:
        wait_until(lambda: service.status()["admin"] and service.status()["admin"]["state"] == "ready", "admin", SAFE_S)
        self.port = int(service.status()["admin_listen"][0].rpartition(":")[2])
        secret = new_token()
        clock = SystemClock()
        token = Token(clock.new_id(), "prometheus", ("read",))
        add_token(service.data_dir / "admin.db", token, digest_of(secret), clock.now_at())
        self._headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, *, known: bool = True) -> Answer:
        return send(self.port, "GET", path, headers=self._headers if known else {})

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
            if sample.name == f"fallbackrouter_{name}" and labels.items() <= sample.labels.items()
        )


def told(file: Path) -> list[dict[str, Any]]:
    """Return the alerts that a command was told."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def kinds(file: Path, part: str) -> list[str]:
    return [alert["kind"] for alert in told(file) if alert["part"] == part]


@pytest.mark.core
def test_counts_are_those_of_the_calls_and_outlive_the_worker(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    whole.configure(agi=PATIENT, admin=LISTENS)
    service = whole.start().ready()
    watch = Watch(service)
    assert make_calls(service.port, 30, 3).without == 0
    assert make_calls(service.port, 12, 3, did="74952222222").without == 0
    wait_until(lambda: watch.sum("answer_seconds_count") == 42, "all are counted", SAFE_S)
    assert watch.sum("decisions_total") == 42
    assert watch.sum("decisions_total", tier="fallback") == 30
    assert watch.sum("decisions_total", tier="last_resort") == 12
    assert watch.sum("tier_outcomes_total", tier="fallback", outcome="miss") == 12
    assert watch.sum("connections_total", end="answered") == 42

    (pid,) = service.worker_pids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "it is gone", SAFE_S)
    wait_until(lambda: service.worker_pids() not in ([], [pid]), "another answers", SAFE_S)
    wait_until(lambda: watch.sum("child_restarts_total", child="worker 1") == 1, "it is told", SAFE_S)
    assert watch.sum("decisions_total") == 42
    assert make_calls(service.port, 5, 1).without == 0
    wait_until(lambda: watch.sum("answer_seconds_count") == 47, "these are added", SAFE_S)

    whole.configure(agi=PATIENT, admin=LISTENS, last_resort="101")
    assert service.command("reload", SAFE_S)["config"] == "changed"
    watch = Watch(service)
    wait_until(lambda: watch.sum("decisions_total") == 47, "a worker that was replaced has told all", SAFE_S)


def test_the_age_of_routes_is_told_however_they_came(whole: Whole) -> None:
    whole.configure(agi=PATIENT, admin=LISTENS)
    watch = Watch(whole.start().ready())
    assert "routes_age_seconds" not in watch.get("/metrics").text, "there are none"
    feed = whole.folder / "feed.ndjson"
    feed.write_text(json.dumps(feed_row("a", DID)) + '\n{"full": true}\n', encoding="utf-8")
    assert run_command(whole.folder, "sync", "--from", str(feed)).returncode == 0
    wait_until(lambda: watch.sum("routes_age_seconds") > 0, "their age", SAFE_S)
    assert watch.sum("routes") == 1


@pytest.mark.parametrize("path", ["/status", "/metrics"])
def test_who_is_not_known_is_told_of_health_alone(whole: Whole, path: str) -> None:
    whole.configure(agi=PATIENT, admin=LISTENS)
    watch = Watch(whole.start().ready())
    assert watch.get(path, known=False).status == 401
    assert watch.get(path).status == 200
    assert watch.get("/healthz", known=False).text == "ok\n"
    assert watch.get("/readyz", known=False).status == 200


@pytest.mark.core
def test_a_dead_crm_is_degraded_and_never_unready_and_its_begin_and_end_are_told_once(whole: Whole) -> None:
    file = whole.folder / "alerts.log"
    with CrmProcess() as crm:
        whole.rules(rule("office", DID, "62"))
        alerts = f'[alerts]\ncommand = ["/usr/bin/tee", "-a", "{file}"]\n'
        whole.configure(
            f'[crm]\nurl = "{crm.url}"\n[budget]\ncall_ms = 5000\nlive_ms = 4000\n{alerts}', agi=PATIENT, admin=LISTENS
        )
        service = whole.start().ready()
        watch = Watch(service)
        assert ask(service.port, "74953333333")["FR_SOURCE"] == "live"
        crm.kill()

        def opens() -> bool:
            make_calls(service.port, 10, 2)
            return watch.get("/readyz").text.startswith("degraded: ") and "crm" in watch.get("/readyz").text

        wait_until(opens, "the CRM's death is seen", SAFE_S)
        assert watch.get("/readyz").status == 200

        def crm_part() -> dict[str, Any]:
            return next(one for one in watch.get("/status").json["parts"] if one["part"] == "crm")

        # The service looks at its parts from time to time; readiness is judged when it is asked for.
        wait_until(lambda: crm_part()["state"] == "failing", "the service tells of it", SAFE_S)
        part = crm_part()
        assert part["since"]
        assert "doctor" in part["todo"]
        wait_until(lambda: kinds(file, "crm breaker") == ["begins"], "the command is told", SAFE_S)

        crm.start()
        wait_until(
            lambda: watch.sum("breaker_share") == 1 or ask(service.port, "74953333333") is None, "it is back", SAFE_S
        )
        wait_until(lambda: kinds(file, "crm breaker") == ["begins", "ends"], "the command is told of the end", SAFE_S)
        wait_until(lambda: watch.sum("alerts_told_total") == len(told(file)), "and counts it", SAFE_S)
        assert watch.get("/status").json["ready"]
