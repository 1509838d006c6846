"""The CRM's routes in the whole daemon: new ones are heard of; whatever kills a sync, old or new ones serve whole."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fallbackrouter.store.routes_read import read_routes
from tests.fakes.feed import FakeFeed, feed_row, in_thread
from tests.fakes.service import wait_until
from tests.fakes.whole import DID as CALLED
from tests.fakes.whole import Load, Whole, ask
from tests.proof.figures import Record
from tests.proof.machine import PACE
from tests.proof.size import full_or

DID = "74950000007"
ROWS = 3000
AGES = """SELECT decisions.id, json_extract(step.value, '$.age_s') FROM decisions, json_each(trail, '$.steps') AS step
    WHERE json_extract(step.value, '$.tier') = 'synced'"""


@pytest.fixture
def feed() -> Iterator[FakeFeed]:
    fed = FakeFeed(page_rows=500)
    fed.set(*(row(number, "62") for number in range(ROWS)))
    with in_thread(fed):
        yield fed


def row(number: int, num: str) -> dict[str, object]:
    return feed_row(str(number), f"7495{number:07d}", result={"app": "group", "num": num})


def configure(whole: Whole, feed: FakeFeed, every_s: float) -> None:
    whole.configure(f'[crm]\nroutes_url = "{feed.url}"\n[sync]\nevery_s = {every_s}\nstale_after_s = 3\n')
    whole.rules()


def sync_facts(whole: Whole) -> dict[str, object]:
    facts: dict[str, object] = whole.services[-1].status()["background"].get("sync", {})
    return facts


def served(whole: Whole) -> set[str]:
    return {fed["result"]["num"] for fed in read_routes(whole.data_dir / "routes.db")}


@pytest.mark.core
def test_calls_hear_of_new_routes_and_go_on_while_the_feed_is_away(whole: Whole, feed: FakeFeed) -> None:
    configure(whole, feed, 1)
    service = whole.start().ready()
    wait_until(lambda: ask(service.port, DID)["num"] == "62", "the first routes")
    feed.set(row(7, "63"))
    wait_until(lambda: ask(service.port, DID)["num"] == "63", "the changed route")
    feed.remove("7")
    wait_until(lambda: ask(service.port, DID)["FR_SOURCE"] == "last_resort", "the route to go")
    feed.set(row(7, "64"))
    wait_until(lambda: ask(service.port, DID)["num"] == "64", "the route to come back")
    feed.twist = lambda *_: (500, {}, b"")
    wait_until(lambda: sync_facts(whole)["state"] == "failing", "the feed to fail")
    assert "answered with 500" in str(sync_facts(whole)["error"])
    assert ask(service.port, DID)["num"] == "64"
    feed.twist = None
    wait_until(lambda: sync_facts(whole)["state"] == "ok", "the feed to be well again")
    incidents = "SELECT state FROM incidents WHERE part = 'routes feed' ORDER BY id"
    wait_until(lambda: [state for (state,) in whole.query(incidents)] == ["failing", "ok"], "both incidents")


def test_the_age_that_a_decision_tells_is_young_while_the_feed_says_that_nothing_is_new(
    whole: Whole, feed: FakeFeed
) -> None:
    configure(whole, feed, 1)
    service = whole.start().ready()
    wait_until(lambda: ask(service.port, DID)["num"] == "62", "the first routes")
    asked = len(feed.asked)
    wait_until(lambda: len(feed.asked) >= asked + 4, "four more syncs that bring nothing")
    decision = ask(service.port, DID)["FR_DECISION"]
    ages: list[str] = []

    def told() -> bool:
        ages[:] = [age for one, age in whole.query(AGES) if one == decision]
        return bool(ages)

    wait_until(told, "the decision on record")
    assert float(ages[0]) < 3 * PACE


def start_sync(whole: Whole, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fallbackrouter", "sync", "--config", str(whole.config), *words],
        cwd=whole.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def write_feed(path: Path, count: int, num: str) -> Path:
    """Write a full feed, one row of it for the number that is called."""
    with path.open("w", encoding="utf-8") as out:
        for number in range(count - 1):
            out.write(json.dumps(row(number, num)) + "\n")
        out.write(json.dumps(feed_row("called", CALLED, result={"app": "group", "num": num})) + "\n")
        out.write('{"full": true}\n')
    return path


def decided_ms(decision: str) -> int:
    """Return when a decision was begun, in milliseconds of UTC: its id tells."""
    return uuid.UUID(decision).int >> 80


def test_new_routes_take_over_and_no_call_notices(whole: Whole, record_figure: Record) -> None:
    whole.configure(f"[budget]\ncall_ms = {400 * PACE}")
    whole.rules()
    count = full_or(ROWS, full=1_000_000)
    feed = write_feed(whole.folder / "feed.ndjson", count, "62")
    assert start_sync(whole, "--from", str(feed)).wait(600) == 0
    service = whole.start().ready()
    assert service.status()["routes"] == count
    write_feed(feed, count, "63")
    with Load(service.port, 4) as load:
        assert start_sync(whole, "--from", str(feed)).wait(600) == 0
        changed_ms = (whole.data_dir / "routes.db").stat().st_ctime_ns // 1_000_000
        assert ask(service.port, CALLED)["num"] == "63", "once the command is done, the new routes serve"
        load.wait_for_answers(200)
    log = load.log
    assert log.without == 0
    assert (log.all("FR_SOURCE"), log.all("num")) == ({"synced"}, {"62", "63"})
    former = [decided_ms(one) for one, answer in log.answers.items() if answer["num"] == "62"]
    record_figure("routes that new ones replaced while calls went on", count)
    record_figure("calls meanwhile, each answered by the former routes or the new ones", len(log.answers))
    record_figure("s from the new file to the last call by the former routes", max(0, max(former) - changed_ms) / 1000)
    record_figure("ms that the slowest of these calls took, beside the sync too", round(log.slowest_s * 1000, 1))


@pytest.mark.parametrize("page", range(1, 6))
def test_a_sync_killed_between_two_pages_leaves_the_former_routes(whole: Whole, feed: FakeFeed, page: int) -> None:
    configure(whole, feed, 3600)
    assert start_sync(whole, "--full").wait(60) == 0
    feed.set(*(row(number, "99") for number in range(ROWS)))
    reached = threading.Event()

    def hold(path: str, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if f"page={500 * page}" not in path:
            return status, headers, body
        feed.holds = True
        reached.set()
        return 200, {"Content-Type": "application/json", "x-cut": "1000"}, body[:1000]

    feed.twist = hold
    sync = start_sync(whole, "--full")
    assert reached.wait(60)
    sync.send_signal(signal.SIGKILL)
    assert sync.wait(60) == -signal.SIGKILL
    assert served(whole) == {"62"}
    feed.twist, feed.holds = None, False
    assert start_sync(whole).wait(60) == 0
    assert served(whole) == {"99"}
    assert not list(whole.data_dir.glob("*.new"))


def killed_sync(whole: Whole, after_s: float) -> None:
    """Kill a sync so long after its draft appeared."""
    sync = start_sync(whole, "--full")
    wait_until(lambda: (whole.data_dir / "routes.new").exists() or sync.poll() is not None, "the draft")
    end = threading.Timer(after_s, sync.kill)
    end.start()
    sync.wait(60)
    end.join()


def test_a_sync_killed_at_any_moment_leaves_old_or_new_routes_whole(
    whole: Whole, feed: FakeFeed, record_figure: Record
) -> None:
    configure(whole, feed, 3600)
    assert start_sync(whole, "--full").wait(60) == 0
    feed.page_rows = ROWS
    old_ones, new_ones, serving = 0, 0, "62"
    for kill in range(full_or(12, full=150)):
        coming = str(100 + kill)
        feed.set(*(row(number, coming) for number in range(ROWS)))
        killed_sync(whole, after_s=kill % 8 * 0.02)
        [num] = served(whole)
        assert num in (serving, coming)
        old_ones, new_ones, serving = old_ones + (num == serving), new_ones + (num == coming), num
        assert len(list(read_routes(whole.data_dir / "routes.db"))) == ROWS
    assert start_sync(whole).wait(60) == 0
    assert served(whole) == {coming}
    record_figure("syncs killed with SIGKILL at some moment, the former routes whole after it", old_ones)
    record_figure("syncs killed with SIGKILL at some moment, the new routes whole after it", new_ones)
