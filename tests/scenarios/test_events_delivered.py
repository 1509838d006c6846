"""Events through the whole daemon: reported by Asterisk, kept, and told to a CRM that is a process of its own."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import asterisk
from tests.fakes.asterisk import Channel
from tests.fakes.commands import run_command
from tests.fakes.crm_events import read_events
from tests.fakes.crm_process import CrmProcess
from tests.fakes.outbox import Events, orders
from tests.fakes.service import Service, alive, wait_until
from tests.fakes.whole import DID, Whole
from tests.proof.figures import Record
from tests.proof.machine import PACE
from tests.proof.size import FULL, full_or

STAGES = ("start", "end_failed")
AT_ONCE = 32
CALL_MS = 400 * PACE
"""An event's: where the machine stands still, more than 400 ms may pass until it is stored."""
LONG_S = full_or(400, full=1800)


@pytest.fixture
def told_file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def crm(told_file: Path) -> Iterator[CrmProcess]:
    with CrmProcess("--events", str(told_file)) as process:
        yield process


def configure(whole: Whole, url: str, events: str = "max_rate = 0", more: str = "") -> None:
    whole.configure(f'[budget]\ncall_ms = {CALL_MS}\n[crm]\nurl = "{url}"\n[events]\n{events}\n{more}')


def report(port: int, calls: int, first: int = 0) -> int:
    """Report that so many calls began and ended, some of them at a time; return how many events were answered."""
    numbers = iter(range(first, first + calls))
    answered = 0

    async def caller() -> None:
        nonlocal answered
        for number in numbers:
            for stage in STAGES:
                channel = Channel(exten=DID, caller=f"7950{number:07}", uniqueid=f"1700000000.{number}")
                outcome = await asterisk.call(port, f"event,${{EXTEN}},{stage},billsec=7", channel, within_s=60)
                answered += outcome.variables.get("FR_STATUS") == "ok"

    async def all_callers() -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(AT_ONCE):
                callers.create_task(caller())

    asyncio.run(all_callers())
    return answered


def outbox(service: Service) -> dict[str, Any]:
    facts: dict[str, Any] = (service.status()["background"] or {}).get("outbox") or {}
    return facts


def all_arrive(crm: CrmProcess, service: Service, count: int) -> None:
    wait_until(lambda: crm.state()["events"] >= count, f"{count} events at the CRM", LONG_S)
    wait_until(lambda: outbox(service).get("pending") == 0, "none waits", LONG_S)
    assert crm.state()["events"] == count


def assert_in_order(told_file: Path, calls: int) -> None:
    """See that the CRM, once it has dropped what it knew already, has every event of every call, in order."""
    fresh = [line["body"] for line in read_events(told_file) if not line["again"]]
    found = orders([{**body, "linked_id": body["id"]} for body in fresh])
    assert len(found) == calls
    assert [call for call, seqs in found.items() if seqs != [1, 2]] == []


def test_a_crm_that_was_down_for_all_events_gets_every_one_in_order(
    whole: Whole, crm: CrmProcess, told_file: Path, record_figure: Record
) -> None:
    calls = full_or(2_500, full=50_000)
    crm.kill()
    configure(whole, crm.url)
    service = whole.start().ready()
    assert report(service.port, calls) == 2 * calls
    wait_until(lambda: outbox(service)["pending"] == 2 * calls, "all wait")
    assert "breaker open" in outbox(service)["waits"]
    crm.start()
    begun_s = time.monotonic()  # noqa: TID251 - a figure, not a bound
    all_arrive(crm, service, 2 * calls)
    took_s = time.monotonic() - begun_s  # noqa: TID251 - the same
    assert_in_order(told_file, calls)
    assert outbox(service)["waits"] == ""
    states = {state for (state,) in whole.query("SELECT DISTINCT state FROM events")}
    assert states == {"delivered"}
    kept = whole.query("SELECT state FROM incidents WHERE part = 'events breaker' ORDER BY rowid")
    assert kept[0] == ("open",)
    record_figure("events reported while the CRM was down", 2 * calls)
    record_figure("events at the CRM in the end, each once", crm.state()["events"])
    record_figure("events delivered more than once, and dropped by key", crm.state()["events_again"])
    record_figure("calls whose events came in another order", 0)
    record_figure("seconds from the CRM's return to the last event", round(took_s, 1))


@pytest.mark.parametrize("mode", ["hang", "503", "401", "close", "deaf"])
def test_a_crm_that_was_ill_gets_every_event_in_order(
    whole: Whole, crm: CrmProcess, told_file: Path, mode: str
) -> None:
    crm.set_mode(mode)
    configure(whole, crm.url, "max_rate = 0\ntimeout_s = 1")
    service = whole.start().ready()
    assert report(service.port, 50) == 100
    wait_until(lambda: "breaker open" in outbox(service).get("waits", ""), "the breaker is open")
    crm.set_mode("ok")
    all_arrive(crm, service, 100)
    assert_in_order(told_file, 50)


@pytest.mark.core
def test_a_background_process_that_is_killed_in_the_middle_loses_none(
    whole: Whole, crm: CrmProcess, told_file: Path
) -> None:
    crm.set_mode("slow:0.02")
    configure(whole, crm.url)
    service = whole.start().ready()
    calls = 0
    for _ in range(3):
        assert report(service.port, 100, first=calls) == 200
        calls += 100
        wait_until(lambda: service.status()["background"]["state"] == "ready", "it is there")
        pid = service.status()["background"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not alive(pid), "it is gone")  # type: ignore[misc] # mypy cannot infer the default
    all_arrive(crm, service, 2 * calls)
    assert_in_order(told_file, calls)


def test_a_stop_in_the_middle_takes_no_longer_and_loses_none(whole: Whole, crm: CrmProcess, told_file: Path) -> None:
    crm.set_mode("hang")
    configure(whole, crm.url)
    service = whole.start().ready()
    assert report(service.port, 20) == 40
    wait_until(lambda: outbox(service).get("in_flight"), "some are on their way")
    assert service.stop() == 0
    crm.set_mode("ok")
    again = whole.start().ready()
    all_arrive(crm, again, 40)
    assert_in_order(told_file, 20)


def test_a_person_may_have_events_sent_that_the_crm_asked_to_wait_with(whole: Whole, crm: CrmProcess) -> None:
    crm.set_mode("retry_after:3600")
    configure(whole, crm.url)
    service = whole.start().ready()
    assert report(service.port, 1) == 2
    wait_until(lambda: "asked to wait" in outbox(service).get("waits", ""), "it waits")
    crm.set_mode("ok")
    assert report(service.port, 10, first=10) == 20
    assert service.command("deliver")["delivers"] is True
    wait_until(lambda: crm.state()["events"] == 20, "those of other calls are delivered")


def test_events_that_a_person_retries_go_out_while_the_crm_asked_to_wait(whole: Whole, crm: CrmProcess) -> None:
    crm.set_mode("410")
    configure(whole, crm.url)
    service = whole.start().ready()
    assert report(service.port, 1) == 2
    wait_until(lambda: outbox(service).get("refused") == 2, "the CRM refuses them")
    crm.set_mode("retry_after:3600")
    assert report(service.port, 1, first=1) == 2
    wait_until(lambda: "asked to wait" in outbox(service).get("waits", ""), "it waits")
    crm.set_mode("ok")
    done = run_command(whole.folder, "events", "retry", "--state", "refused")
    assert (done.stdout, done.stderr) == ("2 events retried\n", "")
    wait_until(lambda: crm.state()["events"] == 2, "they are delivered")


def test_after_a_sighup_to_another_crm_it_gets_what_the_old_one_did_not_take(
    whole: Whole, crm: CrmProcess, told_file: Path, tmp_path: Path
) -> None:
    other_file = tmp_path / "other.jsonl"
    with CrmProcess("--events", str(other_file)) as other:
        configure(whole, crm.url, "max_rate = 0\ntimeout_s = 60")
        service = whole.start().ready()
        assert report(service.port, 10) == 20
        wait_until(lambda: outbox(service).get("pending") == 0, "the first ones are told")
        crm.set_mode("hang")
        assert report(service.port, 50, first=10) == 100
        wait_until(lambda: outbox(service).get("in_flight"), "some are on their way to the old one")
        configure(whole, other.url)
        service.signal(signal.SIGHUP)
        all_arrive(other, service, 100)
    assert crm.state()["events"] == 20
    assert_in_order(told_file, 10)
    assert_in_order(other_file, 50)


def test_without_a_crm_events_are_kept_and_the_status_says_why(whole: Whole) -> None:
    whole.configure()
    service = whole.start().ready()
    assert report(service.port, 5) == 10
    wait_until(lambda: outbox(service).get("pending") == 10, "they are counted")
    assert outbox(service)["waits"] == "there is no crm.url to tell events to"
    assert service.command("deliver")["delivers"] is False


def test_a_recording_s_link_reaches_the_crm_as_a_url(whole: Whole, crm: CrmProcess, tmp_path: Path) -> None:
    folder = tmp_path / "monitor"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"\0" * 32_044)
    configure(
        whole, crm.url, more=f'[recordings]\ndir = "{folder}"\nurl = "https://pbx.example/{{path}}?call={{call_id}}"'
    )
    service = whole.start().ready()
    for number, link in enumerate(("a.wav", "/.wav", "/etc/hostname")):
        channel = Channel(exten=DID, uniqueid=f"1700000000.{number}")
        asyncio.run(asterisk.call(service.port, f"event,${{EXTEN}},end_auto,link={link}", channel))
    wait_until(lambda: crm.state()["events"] == 3, "all are told")
    told = {event["id"]: event for event in crm.events()}
    assert told["1700000000.0"]["link"] == "https://pbx.example/a.wav?call=1700000000.0"
    assert told["1700000000.1"]["notes"] == ["the link names no file: left out"]
    assert told["1700000000.2"]["notes"] == ["the link is outside of recordings.dir: left out"]
    assert "link" not in told["1700000000.1"]


def test_a_large_backlog_drains_in_flat_memory(whole: Whole, crm: CrmProcess, record_figure: Record) -> None:
    backlog, drained = full_or(20_000, full=1_000_000), full_or(2_000, full=100_000)
    configure(whole, crm.url, "max_rate = 0\ntimeout_s = 1")
    crm.set_mode("hang")
    whole.data_dir.mkdir()
    events = Events(whole.data_dir / "journal.db")
    events.add(backlog // 2)
    service = whole.start().ready()
    wait_until(lambda: outbox(service).get("pending") == backlog, "all are counted", LONG_S)
    before_mb = service.status()["background"]["rss_mb"]
    crm.set_mode("ok")
    most_mb = before_mb

    def is_drained() -> bool:
        nonlocal most_mb
        most_mb = max(most_mb, service.status()["background"]["rss_mb"])
        return bool(crm.state()["events"] >= drained)

    wait_until(is_drained, "enough are delivered", LONG_S)
    record_figure("events that waited", backlog)
    record_figure("MB of the background process before the first was delivered", before_mb)
    record_figure(f"MB at most while {drained:,} were delivered", most_mb)
    assert most_mb - before_mb < 24
    if FULL:
        assert report(service.port, 500) == 1000
