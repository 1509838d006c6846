import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rulesets import (
    KEPT,
    Ruleset,
    latest_ruleset,
    ruleset,
    ruleset_files,
    ruleset_numbers,
    save_ruleset,
)

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def test_the_latest_serves(path: Path) -> None:
    assert latest_ruleset(path) is None
    save_ruleset(path, b"\x00one", "d1", "rules apply", AT)
    last = save_ruleset(path, b"two", "d2", "start", AT - timedelta(hours=1))
    assert latest_ruleset(path) == Ruleset(last, AT - timedelta(hours=1), "d2", b"two", "start")


def test_only_the_last_are_kept(path: Path) -> None:
    saved = [save_ruleset(path, b"%d" % number, "", "", AT) for number in range(KEPT + 5)]
    with closing(sqlite3.connect(path)) as connection:
        kept = [row[0] for row in connection.execute("SELECT id FROM rulesets ORDER BY id")]
    assert kept == saved[5:]


def test_a_locked_journal_is_told_in_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fallbackrouter.store.opened._BUSY_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another program"):
            save_ruleset(path, b"", "", "", AT)
        assert latest_ruleset(path) is None


def test_no_journal_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no journal"):
        latest_ruleset(tmp_path / "journal.db")
    assert list(tmp_path.iterdir()) == []


def test_files_and_what_was_rolled_back_are_kept_with_the_rules(path: Path) -> None:
    first = save_ruleset(path, b"one", "d1", "start", AT)
    second = save_ruleset(path, b"two", "d2", "rollback to 1", AT, files=b"\x00files", held="h")
    assert ruleset_numbers(path) == [second, first]
    assert (ruleset_files(path, first), ruleset_files(path, second)) == (None, b"\x00files")
    assert ruleset(path, first) == Ruleset(first, AT, "d1", b"one", "start")
    assert ruleset(path, second) == latest_ruleset(path)
    assert ruleset(path, 99) is None
    assert ruleset_files(path, 99) is None
