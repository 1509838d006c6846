"""`routes` and `sync` as people run them."""

import csv
import io
import json
from pathlib import Path

import pytest

from fallbackrouter.cli import progress
from fallbackrouter.cli.progress import Progress
from tests.edges.cli.test_commands import house, lines, refused  # noqa: F401 - house is a fixture
from tests.fakes.commands import run_command

ROWS = [
    {"id": "r1", "did": "84952222222", "result": {"app": "group", "num": "9"}},
    {"id": "r2", "did": "_7495XXXXXXX", "caller": "withheld", "when": "09:00-18:00,*,*,*", "result": {"app": "hangup"}},
    {"id": "r3", "did": "_7[34]95.", "priority": 5, "result": {"app": "queue", "num": "7"}},
    {"id": "=cmd", "did": "84953333333", "valid_until": "2030-01-01T00:00:00Z", "result": {"app": "group", "num": "1"}},
]


@pytest.fixture
def fed(house: Path) -> Path:  # noqa: F811 - the fixture, asked for by its name
    (house / "feed.json").write_text(json.dumps({"routes": ROWS}))
    done = run_command(house, "sync", "--from", "feed.json", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["v"], told["new"], told["changes"]["added"], told["dry_run"]) == (1, True, 4, False)
    return house


def test_before_the_first_sync_there_is_nothing_to_show(house: Path) -> None:  # noqa: F811 - as above
    assert "no routes were synced yet" in run_command(house, "routes", "status").stdout
    assert lines(run_command(house, "routes", "status", "--json"))[0]["state"] == "never"
    refused(run_command(house, "routes", "list"), "no routes were synced yet")
    refused(run_command(house, "sync"), "crm.routes_url is not set", "--from FILE")
    assert "no row set aside" in run_command(house, "sync", "--rejects").stdout


def test_status_tells_how_many_and_how_old(fed: Path) -> None:
    assert "4 routes, as the CRM had them" in run_command(fed, "routes", "status").stdout
    [told] = lines(run_command(fed, "routes", "status", "--json"))
    assert (told["state"], told["routes"], told["error"], told["set_aside"]) == ("ok", 4, "", 0)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ((), ["=cmd", "r1", "r2", "r3"]),
        (("--did", "+7 495 222-22-22"), ["r1", "r2", "r3"]),
        (("--did", "84953333333", "--caller", "112"), ["=cmd", "r3"]),
        (("--did", "84953333333", "--limit", "1"), ["=cmd"]),
        (("--did", "112"), []),
    ],
)
def test_list_shows_what_matches(fed: Path, words: tuple[str, ...], ids: list[str]) -> None:
    assert sorted(str(row["id"]) for row in lines(run_command(fed, "routes", "list", "--json", *words))) == ids


def test_show_names_one_route(fed: Path) -> None:
    [row] = lines(run_command(fed, "routes", "show", "r2", "--json"))
    assert (row["did"], row["caller"], row["when"]) == ("_7495XXXXXXX", "withheld", ["09:00-18:00,*,*,*"])
    assert "app=queue num=7" in run_command(fed, "routes", "show", "r3").stdout
    refused(run_command(fed, "routes", "show", "r9"), "no route r9")


def test_what_is_exported_can_be_taken_again(fed: Path) -> None:
    for form in ("json", "ndjson"):
        (fed / f"again.{form}").write_text(run_command(fed, "routes", "export", "--format", form).stdout)
        [told] = lines(run_command(fed, "sync", "--from", f"again.{form}", "--json"))
        assert told["changes"]["unchanged"] == 4  # type: ignore[index] # JSON
    table = list(csv.DictReader(io.StringIO(run_command(fed, "routes", "export", "--format", "csv").stdout)))
    assert sorted(row["id"] for row in table) == ["'=cmd", "r1", "r2", "r3"], "no spreadsheet takes one for a formula"
    assert next(row for row in table if row["id"] == "r1")["result"] == "app=group num=9"


def test_long_work_is_told_in_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    with Progress("routes", all_bytes=400) as told:
        told.at(50, 100)
    with Progress("routes") as told:
        told.at(1_000_000, 2_000_000)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("50 routes, ")
    assert first.endswith(" a second, 25%")
    assert second.startswith("1,000,000 routes, ")
    assert second.endswith(" a second, 2 MB")
