"""How parts are judged: each trouble is named with what to do, and none makes a router that answers calls unready."""

from typing import Any

import pytest

from fallbackrouter.control.parts import DEGRADED, FAILING, OFF, OK, UNKNOWN, Part, parts_of, readiness, summary

WORKER = {"name": "worker 1", "state": "ready", "silent_s": 0.1, "restarts": 0}
BEHIND: dict[str, Any] = {
    "name": "background",
    "state": "ready",
    "disk_free_bytes": 50_000_000_000,
    "outbox": {"waits": "", "pending": 0, "oldest_s": None, "refused": 0, "dead": 0},
    "rule_files": {"state": "good"},
    "upkeep": {"reason": ""},
}
CLOSED = {"state": "closed", "share": 1.0, "reason": "nothing has failed yet"}


def status(**changed: Any) -> dict[str, Any]:
    counters = {"dns_age_s": 4.0, "dns_failures": 0, "journal_lag_s": 0.0, "journal_pending": 0}
    return {
        "ready": True,
        "healthy": True,
        "heartbeat_ms": 2000,
        "crm": "https://crm.example",
        "breaker": CLOSED,
        "drill": None,
        "workers": [{**WORKER, "counters": counters | changed.pop("counters", {})}],
        "background": BEHIND | changed.pop("background", {}),
        **changed,
    }


def part(name: str, **changed: Any) -> Part:
    (found,) = [one for one in parts_of(status(**changed)) if one.name == name]
    return found


def test_all_is_well() -> None:
    assert {one.state for one in parts_of(status())} == {OK, OFF}
    assert readiness(status()) == (True, "ready")


@pytest.mark.parametrize(
    ("name", "state", "changed"),
    [
        ("crm", FAILING, {"breaker": {"state": "open", "share": 0, "reason": "5 in a row failed"}}),
        ("breaker", DEGRADED, {"breaker": {"state": "half_open", "share": 0.1, "reason": "it answers"}}),
        ("crm", DEGRADED, {"drill": {"fault": "hang", "left_s": 9}}),
        ("dns", DEGRADED, {"counters": {"dns_failures": 4}}),
        ("dns", FAILING, {"counters": {"dns_age_s": None, "dns_failures": 4}}),
        ("sync", DEGRADED, {"background": {"sync": {"state": "stale", "age_s": 2000}}}),
        ("sync", DEGRADED, {"background": {"sync": {"state": "failing", "error": "it answered 500"}}}),
        ("outbox", FAILING, {"background": {"outbox": {"pending": 3, "oldest_s": 5000, "waits": "the CRM"}}}),
        ("outbox", DEGRADED, {"background": {"outbox": {"pending": 0, "dead": 2}}}),
        ("outbox", DEGRADED, {"background": {"outbox": {"pending": 0, "refused": 2}}}),
        ("journal", DEGRADED, {"counters": {"journal_lag_s": 5.0, "journal_pending": 7}}),
        ("journal", FAILING, {"counters": {"journal_lag_s": 50.0, "journal_pending": 7}}),
        ("journal", DEGRADED, {"background": {"upkeep": {"reason": "the disk is full"}}}),
        ("rules", DEGRADED, {"background": {"rule_files": {"state": "broken", "reason": "a.yaml:1:1"}}}),
        ("disk", DEGRADED, {"background": {"disk_free_bytes": 500_000_000}}),
        ("disk", FAILING, {"background": {"disk_free_bytes": 5_000_000}}),
        ("ami", FAILING, {"background": {"asterisk": {"connected": False, "reason": "refused"}}}),
        ("calls", FAILING, {"background": {"calls": {"barred": "@blocked.txt cannot be read", "waits": "…"}}}),
        ("calls", FAILING, {"background": {"calls": {"waits": "the disk is full", "trouble": "the disk is full"}}}),
        ("calls", DEGRADED, {"background": {"calls": {"waiting": 3, "waits": "refused", "trouble": ""}}}),
        ("prompts", FAILING, {"background": {"prompts": {"trouble": "the disk is full"}}}),
        ("dialplan", FAILING, {"background": {"dialplan": {"reason": "it is somebody else's"}}}),
    ],
)
def test_a_trouble_is_named_with_what_to_do_and_calls_are_answered(
    name: str, state: str, changed: dict[str, Any]
) -> None:
    found = part(name, **changed)
    assert found.state == state
    assert found.reason
    assert found.todo
    ready, words = readiness(status(**changed))
    assert ready
    assert words.startswith("degraded: ")
    assert name in words


def test_no_call_that_waits_is_no_trouble_of_the_calls() -> None:
    assert part("calls", background={"calls": {"waiting": 0, "waits": "refused", "trouble": ""}}).state == OK


def test_a_router_without_a_worker_is_not_ready() -> None:
    dead = status() | {"workers": [{**WORKER, "state": "waiting"}], "healthy": False}
    assert readiness(dead) == (False, "not ready")
    assert readiness(status() | {"ready": False}) == (False, "not ready")
    assert readiness(None) == (False, "not ready")
    assert summary(dead)["state"] == FAILING


def test_one_worker_of_two_that_hangs_is_degraded() -> None:
    two = status() | {"workers": [WORKER, {**WORKER, "name": "worker 2", "silent_s": 9.0}]}
    assert readiness(two) == (True, "degraded: workers")


def test_what_a_background_process_that_starts_has_not_told_is_unknown() -> None:
    parts = {one.name: one.state for one in parts_of(status() | {"background": None})}
    assert {parts[name] for name in ("sync", "outbox", "disk", "ami", "dialplan", "calls", "prompts")} == {UNKNOWN}
    assert readiness(status() | {"background": None}) == (True, "ready")


def test_without_a_crm_its_parts_are_off() -> None:
    parts = {one.name: one.state for one in parts_of(status(crm="", breaker=None))}
    assert (parts["crm"], parts["breaker"]) == (OFF, OFF)


def test_a_literal_address_needs_no_name_server() -> None:
    literal = status()
    literal["workers"][0]["counters"] = {"journal_lag_s": 0.0}
    assert {one.name: one.state for one in parts_of(literal)}["dns"] == OFF
