"""The breaker in the whole daemon: it opens in every worker, costs no call to find out, and closes by itself."""

import os
import signal
from collections.abc import Callable
from typing import Any

from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import Service, alive, wait_until
from tests.fakes.whole import DID, Whole, ask, make_calls, rule

BACK_S = 10.0
"""Live answers return within this, without a restart."""


def configure(whole: Whole, url: str, more: str = "", workers: int = 2) -> None:
    whole.rules(rule("office", DID, "62"))
    whole.configure(f'[crm]\nurl = "{url}"\n{more}', agi=f"workers = {workers}")


def breaker(service: Service) -> dict[str, Any]:
    state: dict[str, Any] = service.status()["breaker"]
    return state


def counters(service: Service, name: str) -> list[float]:
    return [worker["counters"][name] for worker in service.status()["workers"]]


def is_open(service: Service) -> Callable[[], bool]:
    def everywhere() -> bool:
        return breaker(service)["state"] == "open" and counters(service, "breaker_share") == [0, 0]

    return everywhere


def calls_until(service: Service, done: Callable[[], bool], what: str) -> None:
    """Make calls, ten at a time, until something is so."""

    def call_and_look() -> bool:
        assert make_calls(service.port, 20, 10).without == 0
        return done()

    wait_until(call_and_look, what)


def comes_back(service: Service) -> None:
    """Wait, for as long as is promised, until calls to a number that nothing remembers get live answers."""
    numbers = iter(range(1_000))
    wait_until(
        lambda: ask(service.port, f"7495333{next(numbers):04}")["FR_SOURCE"] == "live", "a live answer", within_s=BACK_S
    )


def test_a_crm_that_hangs_is_left_alone_by_all_workers_and_asked_again_when_it_is_back(whole: Whole) -> None:
    with CrmProcess() as crm:
        configure(whole, crm.url)
        service = whole.start().ready()
        assert ask(service.port, "74952222222")["FR_SOURCE"] == "live"
        assert breaker(service)["state"] == "closed"
        crm.set_mode("hang")
        calls_until(service, is_open(service), "the breaker is open in both workers")
        pids = service.worker_pids()

        before = len(crm.requests())
        log = make_calls(service.port, 100, 50)
        assert log.without == 0
        assert log.all("FR_SOURCE") == {"fallback"}
        wait_until(lambda: len(crm.requests()) > before, "a probe")
        assert all(one["body"]["test"] for one in crm.requests()[before:])

        crm.set_mode("ok")
        comes_back(service)
        calls_until(service, lambda: breaker(service)["state"] == "closed", "it is closed")
        wait_until(lambda: counters(service, "breaker_share") == [1, 1], "in both workers")
        assert service.worker_pids() == pids
        service.stop()
    skipped = whole.query("SELECT trail FROM decisions WHERE trail LIKE '%breaker open: %requests in a row failed%'")
    assert len(skipped) >= 100
    kept = whole.query("SELECT state, reason FROM incidents WHERE part = 'crm breaker' ORDER BY rowid")
    assert kept[0][0] == "open"
    assert "no answer within live_ms" in kept[0][1]
    assert ("half open, 1%", "our probes are answered") in kept
    assert kept[-1] == ("closed", "the CRM answers")


def test_when_the_worker_that_probes_is_killed_another_one_does(whole: Whole) -> None:
    with CrmProcess("--mode", "close") as crm:
        configure(whole, crm.url)
        service = whole.start().ready()
        calls_until(service, is_open(service), "the breaker is open in both workers")
        for pid in service.worker_pids():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: not alive(pid), "it is gone")  # type: ignore[misc] # mypy cannot infer the default
            wait_until(lambda: len(service.worker_pids()) == 2, "another one serves")
            wait_until(is_open(service), "it knows what the other one knew")
        crm.set_mode("ok")
        comes_back(service)


def test_a_probe_url_is_asked_in_place_of_the_question(whole: Whole) -> None:
    with CrmProcess("--mode", "close") as crm:
        configure(whole, crm.url, f'probe_url = "http://127.0.0.1:{crm.port}/health"\n', workers=1)
        service = whole.start().ready()
        calls_until(service, lambda: breaker(service)["state"] == "open", "the breaker is open")
        crm.set_mode("ok")
        comes_back(service)
        asked = crm.requests()
        assert any((one["method"], one["path"]) == ("GET", "/health") for one in asked)
        assert not any((one["body"] or {}).get("test") for one in asked)


def test_a_call_finds_a_connection_that_is_open(whole: Whole) -> None:
    with CrmProcess() as crm:
        configure(whole, crm.url, "keepalive_s = 1.0\n", workers=1)
        service = whole.start().ready()
        wait_until(lambda: crm.state()["requests"] >= 6, "a few rounds of warming")
        accepted = crm.state()["accepted"]
        assert ask(service.port)["FR_SOURCE"] == "live"
        wait_until(lambda: crm.state()["requests"] >= 12, "and a few more")
        assert crm.state()["accepted"] == accepted == 2
        assert {one["method"] for one in crm.requests()} == {"HEAD", "POST"}
        assert counters(service, "decisions") == [1]
        assert counters(service, "breaker_share") == [1]


def test_another_crm_begins_with_a_closed_breaker(whole: Whole) -> None:
    with CrmProcess("--mode", "close") as crm, CrmProcess() as other:
        configure(whole, crm.url)
        service = whole.start().ready()
        calls_until(service, is_open(service), "the breaker is open in both workers")
        configure(whole, other.url)
        assert service.command("reload")["config"] == "changed"
        assert ask(service.port)["FR_SOURCE"] == "live"
        assert breaker(service)["state"] == "closed"


def test_a_worker_that_is_started_anew_knows_what_the_others_know(whole: Whole) -> None:
    with CrmProcess("--mode", "hang") as crm:
        configure(whole, crm.url, workers=1)
        service = whole.start().ready()
        calls_until(service, lambda: breaker(service)["state"] == "open", "the breaker is open")
        configure(whole, crm.url, "max_late = 0\n", workers=1)
        assert service.command("reload")["config"] == "changed"
        wait_until(lambda: counters(service, "breaker_share") == [0], "the new worker knows")
        crm.set_mode("ok")
        comes_back(service)
