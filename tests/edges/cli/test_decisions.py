"""`decisions export|stats|replay` and `journal check` as people run them."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.decision import Decision, Step
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.verdict import Hit, Miss
from tests.edges.cli.test_commands import CONFIG, RULES, refused
from tests.fakes.commands import run_command
from tests.fakes.filled import at_journal, put
from tests.fakes.records import ROUTE, a_decision, an_event, an_id

EVIL = '=cmd|"/c calc"!A1'


def live(number: int) -> Decision:
    """A call that the CRM routed, an hour ago."""
    made = a_decision(number, at=SystemClock().now_at() - timedelta(hours=1), did=read_number("84951111111", None))
    steps = (Step("override", Miss(), 0.01), Step("live", Hit(ROUTE), 61.0))
    return replace(made, source="live", rule="", status="ok", steps=steps)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Eight live decisions, two of a rule, one of them by an evil caller, and one of our own."""
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    (tmp_path / "var").mkdir()
    now = SystemClock().now_at() - timedelta(minutes=30)
    local = [a_decision(number, at=now, did=read_number("84951111111", None)) for number in (9, 10)]
    local[1] = replace(local[1], call=replace(local[1].call, caller=read_number(EVIL, None)))
    ours = a_decision(11, at=now, test=True)
    put(tmp_path / "var" / "journal.db", *map(live, range(1, 9)), *local, ours)
    with at_journal(tmp_path / "var" / "journal.db") as journal:
        journal.execute("UPDATE decisions SET ms = 50.0 + rowid")
    return tmp_path


def output(house: Path, *words: str) -> str:
    done = run_command(house, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_csv_holds_every_decision_and_nothing_that_a_spreadsheet_runs(house: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(output(house, "decisions", "export", "--format", "csv"))))
    assert [row["id"] for row in rows] == [an_id(number) for number in range(11, 0, -1)]
    [evil] = [row for row in rows if row["id"] == an_id(10)]
    assert evil["caller"] == "'" + EVIL
    assert json.loads(evil["route"])["num"] == "62"
    assert json.loads(evil["trail"])["steps"][-1]["tier"] == "fallback"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_ndjson_holds_everything_as_it_is(house: Path) -> None:
    told = [json.loads(line) for line in output(house, "decisions", "export", "--format", "ndjson").splitlines()]
    listed = output(house, "decisions", "list", "--limit", "100", "--json").splitlines()
    assert told == [json.loads(line) for line in listed]
    assert [row["caller"] for row in told if row["id"] == an_id(10)] == [EVIL]


def test_export_obeys_filters(house: Path) -> None:
    words = ("decisions", "export", "--format", "ndjson", "--source", "live", "--slow", "54ms", "--since", "2h")
    assert len(output(house, *words).splitlines()) == 5
    assert output(house, *words, "--until", "90m") == ""
    refused(run_command(house, *words, "--until", "soon"), "--until 'soon' is no moment")


def test_stats_tell_tiers_hours_and_what_was_answered_locally(house: Path) -> None:
    told = json.loads(output(house, "decisions", "stats", "--json"))
    assert (told["decisions"], told["local"], told["local_share"], told["degraded"]) == (10, 2, 0.2, 2)
    assert {name: tier["decisions"] for name, tier in told["tiers"].items()} == {"live": 8, "fallback": 2}
    assert told["tiers"]["live"]["p50_ms"] == 54.0
    assert told["tiers"]["live"]["p99_ms"] == 58.0
    assert sum(hour["decisions"] for hour in told["hours"]) == 10
    text = output(house, "decisions", "stats")
    assert "answered locally: 2 of 10 (20.0%); degraded: 2" in text
    assert "█" in text
    assert "there are no such decisions" in output(house, "decisions", "stats", "--rule", "nobody")


def test_replay_takes_what_the_crm_said_then(house: Path) -> None:
    told = json.loads(output(house, "decisions", "replay", an_id(1), "--files", "--json"))
    assert told["same"] is True
    assert (told["then"]["source"], told["today"]["source"]) == ("live", "live")
    assert told["today"]["route"]["num"] == "62"
    assert "the call would go the same way" in output(house, "decisions", "replay", an_id(1), "--files")


def test_replay_shows_what_changed_rules_would_do(house: Path) -> None:
    pinned = RULES.replace('"84957777777"', '"84951111111"')
    (house / "rules" / "rules.yaml").write_text(pinned)
    for number in (1, 9):
        told = json.loads(output(house, "decisions", "replay", an_id(number), "--files", "--json"))
        assert told["same"] is False
        assert (told["today"]["source"], told["today"]["rule"]) == ("override", "pinned")
        assert (told["then"]["route"]["num"], told["today"]["route"]["num"]) == ("62", "7")
    assert "THE CALL WOULD GO ANOTHER WAY" in output(house, "decisions", "replay", an_id(9), "--files")


def test_replay_of_nothing_is_one_sentence(house: Path) -> None:
    refused(run_command(house, "decisions", "replay", an_id(99)), f"there is no decision {an_id(99)}")


def test_check_tells_what_is_in_a_sound_journal(house: Path) -> None:
    told = json.loads(output(house, "journal", "check", "--json"))
    assert (told["ok"], told["damage"], told["remarks"]) == (True, [], [])
    assert told["rows"]["decisions"] == 11
    assert "every page and every index is sound" in output(house, "journal", "check")


def test_check_notes_a_missing_event_which_is_no_damage(house: Path) -> None:
    path = house / "var" / "journal.db"
    put(path, *(an_event(number) for number in (1, 2, 3)))
    with at_journal(path) as journal:
        journal.execute("DELETE FROM events WHERE seq = 2")
    told = json.loads(output(house, "journal", "check", "--json"))
    assert told["ok"] is True
    assert "of 1 calls an event is missing" in told["remarks"][0]


def test_check_names_damage_and_is_exit_1(house: Path) -> None:
    path = house / "var" / "journal.db"
    with closing(sqlite3.connect(path)) as journal:
        [[page]] = journal.execute("SELECT rootpage FROM sqlite_master WHERE name = 'decisions_by_did'").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096 + 8)
        file.write(b"\xff" * 2000)
    done = run_command(house, "journal", "check", "--json")
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["damage"]
    refused(done, "is damaged; stop the service", ".recover")
    path.write_bytes(b"no database" * 1000)
    refused(run_command(house, "journal", "check"), "is damaged")
