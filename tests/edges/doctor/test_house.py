"""Configuration, rules, journal, disk, limits, zone: each well, and each broken for real."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.control.parts import FULL_BYTES, LOW_BYTES
from fallbackrouter.doctor.disk import check_disk
from fallbackrouter.doctor.examine import DEADLINES
from fallbackrouter.doctor.hours import check_zone
from fallbackrouter.doctor.journal import check_journal
from fallbackrouter.doctor.limits import check_files
from fallbackrouter.rulesfile.compiled import digest, dump
from fallbackrouter.store import engine
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rulesets import save_ruleset
from tests.fakes.examined import Examined, levels

pytestmark = pytest.mark.anyio

RULE = '- {name: office, did: "74951111111", route: {app: group, num: "62"}}\n'


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk of the test's own")
    folder = tmp_path / "disk"
    folder.mkdir()
    how = ["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(how, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no disk of the test's own can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def test_a_good_configuration_lets_everything_be_looked_at(examined: Examined) -> None:
    found = examined.look_at_all()
    assert found[0].check == "config"
    assert found[0].level == "ok"
    assert list(dict.fromkeys(finding.check for finding in found)) == list(DEADLINES)


def test_notes_of_the_configuration_are_warnings(examined: Examined) -> None:
    examined.ask("http://crm.invalid/", 'token = "x"')
    [note, *_] = examined.look_at_all()
    assert (note.check, note.level) == ("config", "warn")
    assert "use https" in note.what


@pytest.mark.parametrize("text", ["[agi]\nworker = 2\n", "what is this"])
def test_a_broken_configuration_fails_and_all_else_is_skipped(examined: Examined, text: str) -> None:
    examined.configure(text)
    [config, *others] = examined.look_at_all()
    assert levels([config]) == ["fail"]
    assert str(examined.config) in config.what
    assert {finding.level for finding in others} == {"skip"}
    assert ["config", *(finding.check for finding in others)] == list(DEADLINES)


async def test_rules_that_check_are_well(examined: Examined) -> None:
    (examined.rules / "a.yaml").write_text(RULE)
    assert levels(await examined.look("rules")) == ["ok"]


async def test_rules_with_errors_fail_with_the_first_place(examined: Examined) -> None:
    (examined.rules / "a.yaml").write_text("- name: a\n  did: _7[5\n  when: '9-18'\n  route: {app: fax}\n")
    [broken] = await examined.look("rules")
    assert levels([broken]) == ["fail"]
    assert "a.yaml:2:" in broken.what
    assert "(and 2 more)" in broken.what


async def test_a_warning_in_the_rules_is_one(examined: Examined) -> None:
    (examined.rules / "a.yaml").write_text(RULE.replace('did: "74951111111"', "tier: override"))
    [all_calls] = await examined.look("rules")
    assert levels([all_calls]) == ["warn"]
    assert "takes every call away" in all_calls.what


async def test_files_that_differ_from_what_serves_are_told(examined: Examined) -> None:
    (examined.rules / "a.yaml").write_text(RULE)
    examined.make_journal()
    body = dump(())
    save_ruleset(examined.journal, body, digest(body), "", SystemClock().now_at())
    [differs] = await examined.look("rules")
    assert levels([differs]) == ["warn"]
    assert "rules apply" in differs.remedy


async def test_a_journal_of_this_release_is_well(examined: Examined) -> None:
    examined.make_journal()
    assert levels(await examined.look("journal")) == ["ok"]


async def test_a_journal_that_is_not_there_is_not_made(examined: Examined) -> None:
    assert levels(await examined.look("journal")) == ["skip"]
    assert not examined.data_dir.exists()


async def test_a_damaged_journal_fails(examined: Examined) -> None:
    examined.data_dir.mkdir()
    examined.journal.write_bytes(b"this is no database " * 1000)
    [damaged] = await examined.look("journal")
    assert levels([damaged]) == ["fail"]
    assert "move it away" in damaged.remedy


def test_a_journal_that_may_only_be_read_fails(small_disk: Path) -> None:
    upgrade(small_disk / "journal.db")
    assert levels(check_journal(small_disk / "journal.db")) == ["ok"]
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(small_disk)], check=True)
    [sealed] = check_journal(small_disk / "journal.db")
    assert levels([sealed]) == ["fail"]
    assert "may not be written" in sealed.what


async def test_a_journal_locked_by_another_program_fails(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_BUSY_MS", 100)
    examined.make_journal()
    with closing(sqlite3.connect(examined.journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        [locked] = await examined.look("journal")
    assert levels([locked]) == ["fail"]
    assert "locked by another program" in locked.what


@pytest.mark.parametrize(("version", "level"), [("9999", "fail"), ("0000", "warn")])
async def test_a_journal_of_another_release_is_told(examined: Examined, version: str, level: str) -> None:
    examined.make_journal()
    with closing(sqlite3.connect(examined.journal, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    [found] = await examined.look("journal")
    assert levels([found]) == [level]
    assert version in found.what


def test_a_disk_with_room_is_well(tmp_path: Path) -> None:
    assert levels(check_disk(tmp_path, warn_bytes=1, fail_bytes=1)) == ["ok", "ok"]


async def test_a_small_disk_fails(examined: Examined, small_disk: Path) -> None:
    examined.config.write_text(f'data_dir = "{small_disk}"\n[last_resort]\napp = "group"\nnum = "100"\n')
    [writable, room] = await examined.look("disk")
    assert levels([writable, room]) == ["ok", "fail"]
    assert room.what.startswith("1 MB")


def test_a_full_disk_cannot_be_written(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "full").write_bytes(b"x" * 2_000_000)
    [writable, room] = check_disk(small_disk)
    assert levels([writable, room]) == ["fail", "fail"]
    assert "no space left" in writable.what


def test_a_disk_that_fills_up_is_a_warning(tmp_path: Path) -> None:
    assert levels(check_disk(tmp_path, warn_bytes=1 << 62, fail_bytes=1)) == ["ok", "warn"]
    assert FULL_BYTES < LOW_BYTES


def test_a_data_dir_that_is_no_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [writable, _room] = check_disk(tmp_path / "file")
    assert levels([writable]) == ["fail"]


def test_a_missing_data_dir_is_a_warning(tmp_path: Path) -> None:
    assert levels(check_disk(tmp_path / "none")) == ["warn"]


def test_the_limit_of_open_files_is_compared_with_what_calls_need() -> None:
    program = ["/bin/sh", "-c", "ulimit -n 128 && echo set && read line"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin
        assert worker.stdout
        worker.stdout.readline()
        [enough] = check_files([worker.pid], max_calls=20, questions=40)
        [scarce] = check_files([worker.pid], max_calls=2000, questions=40)
        [nothing] = check_files([worker.pid], max_calls=2000, questions=64)
        worker.stdin.close()
    assert levels([enough, scarce, nothing]) == ["ok", "warn", "fail"]
    assert f"call worker {worker.pid} may open 128 files" in scarce.what
    assert "2104" in scarce.remedy


async def test_without_a_worker_the_limit_is_this_shell_s(examined: Examined) -> None:
    [limits] = await examined.look("limits")
    assert "this shell" in limits.what


def test_the_zone_is_known_where_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    nowhere = (tmp_path / "localtime",)
    assert levels([check_zone("Europe/Moscow", nowhere)]) == ["ok"]
    assert levels([check_zone("", nowhere)]) == ["warn"]
    nowhere[0].write_text("")
    assert levels([check_zone("", nowhere)]) == ["ok"]
