"""The commands against a running service, as people type them."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import wait_until
from tests.fakes.whole import DID, Whole, ask, rule

OTHER = "74952222222"


def run(whole: Whole, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FALLBACKROUTER_")}
    return subprocess.run(
        [sys.executable, "-m", "fallbackrouter", *words, "--config", str(whole.config)],
        cwd=whole.folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def lines(whole: Whole, *words: str) -> list[dict[str, Any]]:
    done = run(whole, *words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_ask_plays_asterisk_and_counts_in_no_statistics(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    [told] = lines(whole, "ask", DID, "--caller", "8 950 753-33-33")
    assert told["variables"]["FR_RULE"] == "office"
    assert told["decision"]["test"] is True
    assert told["decision"]["id"] == told["variables"]["FR_DECISION"]
    assert told["decision"]["caller"] == "8 950 753-33-33"
    assert [step["tier"] for step in told["decision"]["trail"]["steps"]][-1] == "fallback"
    assert set(told["decision"]["trail"]["times_ms"]) == {"read", "walk", "live_queue", "live", "journal", "write"}
    text = run(whole, "ask", DID).stdout
    assert "office" in text
    assert "trail" in text

    def counted() -> tuple[int, int]:
        counters = service.status()["workers"][0]["counters"]
        return counters["decisions"], counters["tests"]

    wait_until(lambda: counted() == (0, 2), "both are counted as tests")


def test_the_crm_is_told_that_a_question_is_a_test(whole: Whole) -> None:
    with CrmProcess("--mode", "ok") as crm:
        whole.configure(f'[crm]\nurl = "{crm.url}"\n[budget]\ncall_ms = 8000\nlive_ms = 5000')
        whole.start().ready()
        [told] = lines(whole, "ask", DID)
        assert told["variables"]["FR_SOURCE"] == "live"
        assert told["decision"]["trail"]["times_ms"]["live"] > 0


def test_decisions_are_listed_shown_and_followed_newest_first(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    asked = [ask(service.port, did)["FR_DECISION"] for did in (DID, OTHER, DID)]
    service.stop()
    listed = lines(whole, "decisions", "list", "--limit", "2")
    assert [row["id"] for row in listed] == asked[:0:-1]
    keys = ("v", "id", "at", "node", "call_id", "did", "caller", "stage", "source", "rule", "status", "ms", "route")
    assert set(listed[0]) == {*keys, "trail", "test"}
    assert (listed[0]["v"], listed[0]["route"]) == (1, {"app": "group", "num": "62"})
    [shown] = lines(whole, "decisions", "show", asked[1])
    assert (shown["did"], shown["source"]) == (OTHER, "last_resort")
    assert [row["id"] for row in lines(whole, "decisions", "tail", "--limit", "3")] == asked
    assert run(whole, "decisions", "show", "nonsense").returncode == 1


@pytest.mark.core
def test_applied_rules_and_a_fed_route_serve_without_a_restart(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    pid = service.worker_pids()
    whole.rules(rule("office", DID, "63"))
    assert "1 rules serve now" in run(whole, "rules", "apply").stdout
    assert ask(service.port)["num"] == "63"
    feed = whole.folder / "feed.json"
    feed.write_text(json.dumps({"routes": [{"id": "r7", "did": OTHER, "result": {"app": "queue", "num": "7"}}]}))
    done = run(whole, "sync", "--from", str(feed))
    assert done.returncode == 0, done.stderr
    synced = ask(service.port, OTHER)
    assert (synced["FR_SOURCE"], synced["FR_RULE"], synced["num"]) == ("synced", "r7", "7")
    [offline] = lines(whole, "explain", OTHER)
    assert (offline["source"], offline["rule"]) == ("synced", "r7")
    assert service.worker_pids() == pid


def test_a_policy_changes_order_and_budget_by_did(whole: Whole) -> None:
    whole.rules(rule("pinned", DID, "62"), rule("other", OTHER, "63"))
    with CrmProcess("--mode", "hang") as crm:
        whole.configure(
            f'[crm]\nurl = "{crm.url}"\n[budget]\ncall_ms = 8000\nlive_ms = 50\n'
            f'[[policy]]\ndid = "_7495222XXXX"\norder = ["override", "fallback", "live"]'
        )
        service = whole.start().ready()
        first, second = ask(service.port, OTHER), ask(service.port, DID)
    assert (first["FR_SOURCE"], first["FR_STATUS"]) == ("fallback", "ok")
    assert (second["FR_SOURCE"], second["FR_STATUS"]) == ("fallback", "degraded")
    [trail] = [row["trail"] for row in lines(whole, "decisions", "list") if row["id"] == first["FR_DECISION"]]
    assert [step["tier"] for step in trail["steps"]] == ["override", "fallback"]
