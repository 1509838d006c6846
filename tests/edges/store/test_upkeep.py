import re
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from msgspec import structs

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.numbering import Numbering
from fallbackrouter.store import retention, veiling
from fallbackrouter.store.masking import Hide, masked, pseudonym
from fallbackrouter.store.retention import room
from fallbackrouter.store.steps import MOST_ROWS, Steps
from fallbackrouter.store.upkeep import Bounds, Upkeep
from fallbackrouter.store.veiling import Veiling
from tests.fakes.clock import FakeClock
from tests.fakes.filled import DAY, at_journal, count, fill, put, put_ended
from tests.fakes.records import AT, a_decision, an_event, an_id
from tests.proof.figures import Record
from tests.proof.size import FULL, full_or

UNBOUNDED = Bounds(keep=None, max_bytes=None, hide_after=None, min_free_bytes=0)
MUCH = 1 << 40
PLENTY_OF_STEPS = 20_000
WRITER = """
import select, sqlite3, sys, time
journal = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
journal.execute("PRAGMA synchronous = NORMAL")
journal.execute("PRAGMA wal_autocheckpoint = 0")
longest_s = 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    began_s = time.perf_counter()
    journal.execute("INSERT INTO incidents (at, part, state, reason) VALUES (9000000000000, 'disk', 'full', '')")
    longest_s = max(longest_s, time.perf_counter() - began_s)
print(longest_s * 1000)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with at_journal(tmp_path / "journal.db"):
        return tmp_path / "journal.db"


def upkeep(path: Path, hide: Hide = masked, free: int = MUCH, **bounds: Any) -> Upkeep:
    read = Numbering("RU").read
    return Upkeep(
        path,
        replace(UNBOUNDED, **bounds),
        FakeClock(AT),
        veiling=lambda steps: Veiling(hide, read, steps),
        free_bytes=lambda _: free,
    )


def run(keeper: Upkeep) -> int:
    """Work until nothing is left to do, and return the number of steps."""
    for steps in range(PLENTY_OF_STEPS):
        if not keeper.step():
            keeper.close()
            return steps
    raise AssertionError("upkeep never comes to an end")


def test_what_is_old_goes_and_what_is_not_stays(path: Path) -> None:
    fill(path, days=10, a_day=20)
    run(upkeep(path, keep=5 * DAY))
    assert count(path, "decisions") == 100
    with at_journal(path) as journal:
        assert journal.execute("SELECT min(id) FROM decisions").fetchone() == (an_id(100),)
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_event_that_the_crm_has_not_been_told_never_goes(path: Path) -> None:
    for number, state in enumerate(("pending", "delivered", "refused", "dead", "dropped"), 1):
        put_ended(path, number, 300, state)
    put_ended(path, 9, 3)
    run(upkeep(path, keep=10 * DAY, max_bytes=1, free=0, min_free_bytes=MUCH))
    assert count(path, "events") == 1
    assert count(path, "events", "state = 'pending'") == 1


def test_an_event_counts_from_its_end(path: Path) -> None:
    put(path, an_event(1, at=AT - 300 * DAY))
    with at_journal(path) as journal:
        journal.execute("UPDATE events SET state = 'delivered', ended_at = ?", (int(AT.timestamp() * 1000) - 1000,))
    run(upkeep(path, keep=10 * DAY))
    assert count(path, "events") == 1


def test_incidents_go_too(path: Path) -> None:
    with at_journal(path) as journal:
        for days in (30, 20, 3):
            at_ms = int((AT - days * DAY).timestamp() * 1000)
            journal.execute("INSERT INTO incidents (at, part, state, reason) VALUES (?, 'disk', 'full', '')", (at_ms,))
    run(upkeep(path, keep=10 * DAY))
    assert count(path, "incidents") == 1


def test_a_journal_that_is_too_large_loses_its_oldest_and_gives_room_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fallbackrouter.store.upkeep.STAYS_FREE_BYTES", 65_536)
    fill(path, days=20, a_day=200)
    with at_journal(path) as journal:
        before = room(journal)
    keeper = upkeep(path, max_bytes=before.used_bytes // 2)
    run(keeper)
    with at_journal(path) as journal:
        after = room(journal)
        assert journal.execute("SELECT max(id) FROM decisions").fetchone() == (an_id(3999),)
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert 0.4 * before.used_bytes < after.used_bytes <= before.used_bytes // 2
    assert after.free_bytes <= 65_536
    assert count(path, "decisions", f"id < '{an_id(1000)}'") == 0


def test_a_disk_that_runs_full_costs_the_oldest_but_never_the_last_day(path: Path) -> None:
    fill(path, days=3, a_day=50)
    put(path, *(a_decision(1000 + nth, at=AT - timedelta(hours=3)) for nth in range(10)))
    run(upkeep(path, free=10, min_free_bytes=1000))
    assert count(path, "decisions") == 50 + 10
    with at_journal(path) as journal:
        assert room(journal).free_bytes == 0


def test_with_room_enough_nothing_goes(path: Path) -> None:
    fill(path, days=3, a_day=50)
    assert run(upkeep(path, min_free_bytes=1000)) == 0
    assert count(path, "decisions") == 150


def test_numbers_are_hidden_in_what_is_old_alone(path: Path) -> None:
    fill(path, days=4, a_day=10, channel="SIP/79507533333-00000001")
    put(path, a_decision(500, at=AT - timedelta(hours=1)))
    keeper = upkeep(path, hide_after=2 * DAY)
    run(keeper)
    hidden = "caller = '8950*******' AND caller_key = caller AND channel = 'SIP/8950*******-00000001'"
    assert count(path, "decisions", hidden) == 20
    assert count(path, "decisions", "caller = '89507533333'") == 21
    assert count(path, "decisions", "did = '+7 495 111-11-11'") == 41
    assert run(keeper) == 0


def test_numbers_in_routes_and_trails_are_hidden(path: Path) -> None:
    decision = a_decision(1, at=AT - 9 * DAY, notes=("the header's caller was 79507533333",))
    variables = (("app", "external"), ("num", "+79261234567"))
    put(path, structs.replace(decision, route=replace(decision.route, variables=variables)))
    run(upkeep(path, hide_after=DAY))
    with at_journal(path) as journal:
        route, trail = journal.execute("SELECT route, trail FROM decisions").fetchone()
    assert '"num":"7926*******"' in route
    assert "the header's caller was 8950*******" in trail
    assert '"ms":300.123' in trail


def test_a_pseudonym_is_the_same_in_decisions_and_events(path: Path) -> None:
    put(path, a_decision(1, at=AT - 9 * DAY), a_decision(2, at=AT - 8 * DAY))
    put_ended(path, 3, 9, extra=(("link", "/rec/89507533333.wav"),))
    with at_journal(path) as journal:
        journal.execute("UPDATE decisions SET caller_key = '79507533333'")
    run(upkeep(path, hide=pseudonym(b"secret"), hide_after=DAY))
    name = pseudonym(b"secret")("79507533333")
    assert count(path, "decisions", f"caller = '{name}' AND caller_key = '{name}'") == 2
    assert count(path, "events", f"caller = '{name}' AND details LIKE '%/rec/{name}.wav%'") == 1


def test_an_event_keeps_its_numbers_until_the_crm_has_heard_them(path: Path) -> None:
    put_ended(path, 1, 9, "pending")
    put_ended(path, 2, 9)
    with at_journal(path) as journal:
        journal.execute("""UPDATE events SET tries = '[[1772445600123, 5, "no call of 89507533333"]]'""")
    keeper = upkeep(path, hide_after=DAY)
    run(keeper)
    assert count(path, "events", "caller = '89507533333' AND tries LIKE '%89507533333%'") == 1
    with at_journal(path) as journal:
        ended = int((AT - 2 * DAY).timestamp() * 1000)
        journal.execute("UPDATE events SET state = 'dead', ended_at = ? WHERE state = 'pending'", (ended,))
    run(keeper)
    hidden = """caller = '7950*******' AND tries = '[[1772445600123,5,"no call of 7950*******"]]'"""
    assert count(path, "events", hidden) == 2


def test_numbers_are_hidden_too_after_vacuum_has_numbered_rows_anew(path: Path) -> None:
    fill(path, days=6, a_day=10)
    run(upkeep(path, hide_after=3 * DAY, keep=5 * DAY))
    with at_journal(path) as journal:
        journal.execute("DELETE FROM decisions WHERE caller LIKE '8950*%'")
        journal.execute("VACUUM")
    run(upkeep(path, hide_after=2 * DAY))
    assert count(path, "decisions", "caller = '8950*******'") == 10


def test_a_step_that_fails_changes_nothing_and_is_taken_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fallbackrouter.store.steps._BUSY_S", 0.05)
    fill(path, days=10, a_day=5)
    keeper = upkeep(path, keep=5 * DAY)
    with at_journal(path) as journal:
        journal.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another program"):
            keeper.step()
        journal.execute("ROLLBACK")
    assert count(path, "decisions") == 50
    run(keeper)
    assert count(path, "decisions") == 25


def test_no_journal_is_nothing_to_do_and_none_is_made(tmp_path: Path) -> None:
    keeper = upkeep(tmp_path / "journal.db", keep=DAY)
    assert not keeper.step()
    assert not keeper.carry_over()
    assert list(tmp_path.iterdir()) == []


def test_another_journal_in_its_place_is_the_one_that_is_kept(path: Path) -> None:
    fill(path, days=10, a_day=5)
    keeper = upkeep(path, keep=5 * DAY)
    assert keeper.step()
    path.rename(path.with_name("old.db"))
    fill(path, days=10, a_day=5)
    run(keeper)
    assert count(path, "decisions") == 25


def test_the_write_ahead_log_is_carried_over_where_it_has_grown(path: Path) -> None:
    with at_journal(path) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE ballast (body BLOB)")
        keeper = upkeep(path)
        assert not keeper.carry_over()
        writer.execute("INSERT INTO ballast VALUES (zeroblob(8000000))")
        size = path.stat().st_size
        assert keeper.carry_over()
        assert path.stat().st_size > size + 7_000_000
        keeper.close()


def test_steps_are_sized_by_how_long_they_take() -> None:
    clock = FakeClock()
    steps = Steps(clock, target_ms=5.0)
    sizes = []
    for held_s in (0.0001, 0.001, 0.050, 0.0049):
        with steps.measured():
            clock.move(held_s)
        sizes.append(steps.rows)
    assert sizes == [16, 32, 3, 3]
    for _ in range(20):
        with steps.measured():
            clock.move(0.00001)
    assert steps.rows == MOST_ROWS
    assert steps.longest_ms == pytest.approx(50)


def test_the_write_lock_is_never_held_for_long(path: Path, record_figure: Record) -> None:
    """On a real file, with a writer beside it; a stopwatch tells of the machine too: only `make proof` believes it."""
    fill(path, days=30, a_day=full_or(40, full=4_000))
    for number in range(200):
        put_ended(path, number, 20)
    held: list[float] = []
    keeper = Upkeep(
        path,
        Bounds(keep=15 * DAY, max_bytes=None, hide_after=2 * DAY, min_free_bytes=0),
        _Measured(AT),
        veiling=lambda steps: Veiling(masked, Numbering("RU").read, steps),
        free_bytes=lambda _: MUCH,
    )
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdin=PIPE, stdout=PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        while keeper.step():
            held.append(keeper.latest_ms)
            time.sleep(max(0.02, keeper.latest_ms / 100))  # as the job does
        keeper.close()
        waited_ms = float(writer.communicate("stop\n", timeout=60)[0])
    held.sort()
    record_figure("small steps of upkeep that deleted rows, hid numbers and gave room back", len(held))
    record_figure("longest that one of them held the write lock, ms", round(keeper.longest_ms, 1))
    record_figure("what 99 % of them held it at most, ms", round(held[len(held) * 99 // 100], 1))
    record_figure(
        "longest that a writer beside it, at 500 rows a second, waited for one commit, ms", round(waited_ms, 1)
    )
    assert len(held) > full_or(10, full=20)
    if FULL:
        assert held[len(held) * 9 // 10] < 20
        assert keeper.longest_ms < 250  # a few slices of a processor that others had
    assert count(path, "decisions", "caller = '8950*******'") > 0


class _Measured(FakeClock):
    """The calendar stands still, lengths of time are real."""

    def now_s(self) -> float:
        return SystemClock().now_s()


def test_a_file_that_cannot_shrink_is_not_tried_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    with at_journal(path) as journal:
        journal.execute("PRAGMA auto_vacuum = NONE")
        journal.execute("PRAGMA journal_mode = DELETE")
        journal.execute("VACUUM")
        journal.execute("PRAGMA journal_mode = WAL")
    fill(path, days=20, a_day=50)
    run(upkeep(path, free=10, min_free_bytes=1000))
    assert count(path, "decisions") == 50


def test_the_oldest_are_found_by_an_index(path: Path) -> None:
    asked: list[str] = []
    with at_journal(path) as journal:
        for sql in _queries():
            plan = " ".join(row[3] for row in journal.execute(f"EXPLAIN QUERY PLAN {sql}", _nothing(sql)))
            asked.append(plan)
            assert not re.search(r"SCAN (decisions|events|incidents)", plan), f"{sql}: {plan}"
    assert len(asked) >= 4


def _queries() -> list[str]:
    return [
        *(retention._OLDEST_DECISIONS, retention._OLDEST_EVENTS, retention._FETCH_DECISION, retention._FETCH_EVENT),
        *(veiling._LAST_DECISION, veiling._DECISIONS, veiling._EVENTS),
        *(veiling.hide_sql("decisions", 3), veiling.hide_sql("events", 3), *retention._DELETE.values()),
    ]


def _nothing(sql: str) -> tuple[int, ...]:
    return (0,) * sql.count("?")


def test_an_sqlite_error_names_the_file(path: Path) -> None:
    keeper = upkeep(path, keep=DAY)
    with at_journal(path) as journal:
        journal.execute("DROP TABLE decisions")
    with pytest.raises(StoreError, match=r"journal\.db cannot be used: no such table") as refused:
        keeper.step()
    assert not isinstance(refused.value, sqlite3.Error)
