"""What Prometheus reads: the library's own parser takes it, and docs, dashboard and rules name what there is."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_metrics

from fallbackrouter.admin.metrics import COUNTERS, GAUGES, HISTOGRAMS, PREFIX, exposition, metric_names
from fallbackrouter.control.parts import parts_of
from fallbackrouter.core.tally import BOUNDS_MS
from tests.monitoring.promtool import promtool
from tests.unit.control.test_parts import status

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
RULES = ROOT / "docs/alerts.yml"
TIMES = {"counts": [1] * (len(BOUNDS_MS) + 1), "sum_ms": 2500.0}
TOTALS = {
    "decisions": {"live ok": 7, "last_resort unrecorded": 1},
    "outcomes": {"live hit": 7, "live timed_out": 1},
    "answer": TIMES,
    "crm": TIMES,
    "connections": {"answered": 8},
    "calls_ended": {"answered": 3, "expired": 1},
    **dict.fromkeys(("prompts_ok", "prompts_missing", "prompts_fetched", "prompts_spoken", "prompt_failures"), 1),
    **dict.fromkeys(("late", "unrecorded", "events", "tests", "breaker_refused", "probes"), 1),
    **dict.fromkeys(("events_tried", "events_delivered", "alerts_told", "alert_failures", "calls_sent"), 1),
}
WORKER = dict.fromkeys(("held", "live_in_flight", "live_waiting", "routes_age_s"), 2)


def whole() -> dict[str, Any]:
    """A snapshot in which everything is known."""
    found = status(version="1.2.3", totals=TOTALS, rules=3, routes=4, counters=WORKER)
    found["background"] |= {
        "sync": {"state": "ok", "age_s": 3.0, "rows": 9, "failures": 0},
        "calls": {"waiting": 5, "open": 2, "waits": "", "trouble": ""},
        "prompts": {"ready": 3, "named": 2, "lacking": 1, "bytes": 4096, "trouble": ""},
        "restarts": 0,
        "rss_mb": 50.0,
    }
    found["background"]["outbox"] = {**found["background"]["outbox"], "oldest_s": 0.5}
    found["workers"][0] |= {"rss_mb": 40.0}
    found["parts"] = [{"part": part.name, "state": part.state} for part in parts_of(found)]
    return found


def samples(snapshot: dict[str, Any]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text, _ = exposition(snapshot, "")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in plain_metrics(text.decode())
        for sample in family.samples
    }


def test_every_metric_is_there_where_everything_is_known_and_no_other() -> None:
    names = {name for name, _ in samples(whole()) if not name.endswith("_created")}
    assert names == metric_names()


def test_the_numbers_are_those_of_the_snapshot() -> None:
    found = samples(whole())
    assert found["fallbackrouter_decisions_total", (("status", "ok"), ("tier", "live"))] == 7
    assert found["fallbackrouter_part_state", (("part", "crm"), ("state", "ok"))] == 1
    assert found["fallbackrouter_part_state", (("part", "crm"), ("state", "failing"))] == 0
    assert found["fallbackrouter_child_resident_bytes", (("child", "worker 1"),)] == 40 * 1024 * 1024
    assert found["fallbackrouter_crm_calls_total", (("outcome", "answered"),)] == 3
    assert found["fallbackrouter_crm_calls_waiting", ()] == 5
    assert found["fallbackrouter_answer_seconds_sum", ()] == 2.5
    assert found["fallbackrouter_answer_seconds_bucket", (("le", "0.4"),)] == BOUNDS_MS.index(400) + 1
    assert found["fallbackrouter_answer_seconds_count", ()] == len(BOUNDS_MS) + 1


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    text, content_type = exposition(whole(), "application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    families = list(open_metrics(text.decode()))  # type: ignore[no-untyped-call] # the library says no types
    assert len(families) == len(COUNTERS) + len(GAUGES) + len(HISTOGRAMS)
    assert exposition(whole(), "*/*")[1].startswith("text/plain")


def test_what_is_not_known_is_left_out_and_breaks_nothing() -> None:
    for snapshot in ({}, {"background": None, "workers": [{"name": "worker 1", "state": "waiting"}]}):
        assert ("fallbackrouter_drill_on", ()) in samples(snapshot)


def test_labels_are_few_and_known() -> None:
    labels = {label for meaning in (*COUNTERS, *GAUGES) for label in meaning.labels}
    assert labels == {"tier", "status", "outcome", "end", "child", "version", "part", "state"}


def test_the_page_names_every_metric_with_its_meaning() -> None:
    rows = [
        tuple(cell.strip() for cell in line.split("|")[1:4])
        for line in PAGE.splitlines()
        if f"`{PREFIX}" in line and line.startswith("|")
    ]
    wanted = [(f"`{PREFIX}{one.name}_total`", one) for one in COUNTERS] + [
        (f"`{PREFIX}{one.name}`", one) for one in GAUGES
    ]
    expected = [(name, ", ".join(f"`{label}`" for label in one.labels), one.help) for name, one in wanted]
    expected += [(f"`{PREFIX}{name}`", "`le`", text) for name, (text, _) in HISTOGRAMS.items()]
    assert rows == expected


@pytest.mark.parametrize("file", ["docs/grafana.json", "docs/alerts.yml"])
def test_dashboard_and_rules_name_metrics_that_there_are(file: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}\w+", (ROOT / file).read_text(encoding="utf-8")))
    assert len(named) >= 10
    assert named - metric_names() == set()


def test_the_dashboard_draws_something_in_each_panel() -> None:
    board = json.loads((ROOT / "docs/grafana.json").read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 10
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


def test_the_page_explains_every_alert_and_no_other() -> None:
    rules = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == rules


@pytest.mark.parametrize(
    "command", [["check", "rules", str(RULES)], ["test", "rules", str(ROOT / "tests/monitoring/alerts.yml")]]
)
def test_promtool_finds_no_fault(command: list[str]) -> None:
    program = promtool()
    if program is None:
        pytest.skip("promtool is missing; `python -m tests.monitoring.promtool` gets it on Debian")
    done = subprocess.run([program, *command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
