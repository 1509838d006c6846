import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store import migrate, schema
from fallbackrouter.store.calls import CallQueue
from fallbackrouter.store.engine import migration_engine
from fallbackrouter.store.faults import DamagedError
from fallbackrouter.store.migrate import schema_version, upgrade
from fallbackrouter.store.tables import metadata
from tests.fakes.filled import put
from tests.fakes.records import a_decision, a_made_call, an_event, an_id
from tests.proof.machine import PACE

ROOT = Path(__file__).parents[3]


def described(path: Path) -> dict[str, list[Any]]:
    """What a database holds, whatever the spelling of the SQL that made it."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found: dict[str, list[Any]] = {}
        for table in sorted(tables):
            columns = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (table,)).fetchall()
            indexes = connection.execute("SELECT * FROM pragma_index_list(?) ORDER BY name", (table,)).fetchall()
            parts = [
                (index[1:], connection.execute("SELECT * FROM pragma_index_xinfo(?)", (index[1],)).fetchall())
                for index in indexes
            ]
            found[table] = [columns, parts]
        for pragma in ("auto_vacuum", "journal_mode", "page_size", "encoding"):
            found[pragma] = connection.execute(f"PRAGMA {pragma}").fetchall()
        found["revision"] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        return found


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write to, root neither where it may mount."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    how = ["/bin/mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(folder)]
    mounted = subprocess.run(how, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no disk of the test's own can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)


def test_a_new_journal_has_the_tables_that_queries_know(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_what_a_call_worker_makes_is_what_the_migrations_make(tmp_path: Path) -> None:
    upgrade(tmp_path / "migrated.db")
    with closing(sqlite3.connect(tmp_path / "made.db", isolation_level=None)) as connection:
        schema.create(connection)
        schema.create(connection)
    assert described(tmp_path / "made.db") == described(tmp_path / "migrated.db")
    assert described(tmp_path / "made.db")["journal_mode"] == [("wal",)]
    assert schema_version(tmp_path / "made.db") == schema.REVISION


def test_a_second_upgrade_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    upgrade(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO incidents (at, part, state, reason) VALUES (1, 'disk', 'full', '')")
    before = described(path)
    upgrade(path)
    assert described(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM incidents").fetchone() == (1,)


def test_the_version_is_told_and_asking_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert schema_version(path) == ""
    assert not path.exists()
    upgrade(path)
    assert schema_version(path) == schema.REVISION


def test_a_journal_newer_than_the_code_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    upgrade(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    before = described(path)
    with pytest.raises(StoreError) as refused:
        upgrade(path)
    assert str(refused.value) == (
        f"{path} was written by a newer fallbackrouter (schema 0099); "
        "install that version or newer, or move the file away"
    )
    assert described(path) == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(DamagedError, match=r"is damaged or no SQLite database; move it away") as refused:
        upgrade(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(DamagedError):
        schema_version(path)
    assert path.read_bytes() == b"not a database" * 100


def test_a_folder_that_cannot_be_written_is_refused(read_only: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be opened or written .*see that its folder exists and belongs to"):
        upgrade(read_only / "journal.db")


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="see that its folder exists"):
        upgrade(tmp_path / "missing" / "journal.db")


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened or written"):
        upgrade(tmp_path)


def test_a_locked_journal_is_refused_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fallbackrouter.store.engine._BUSY_MS", 50)
    path = tmp_path / "journal.db"
    upgrade(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another program"):
            upgrade(path)
        other.execute("ROLLBACK")


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    ours = ROOT / "migrations"
    for file in (ours / "env.py", ours / "script.py.mako", *(ours / "versions").glob("*.py")):
        (scripts / file.relative_to(ours)).write_text(file.read_text())
    (scripts / "versions" / "9999_fails.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = '{schema.REVISION}'\n\n\n"  # noqa: S608 - our own
        "def upgrade():\n    op.execute('CREATE TABLE half (id INTEGER)')\n"
        "    op.execute('ALTER TABLE decisions ADD COLUMN half TEXT')\n    op.execute('SELECT * FROM nowhere')\n"
    )
    path = tmp_path / "journal.db"
    upgrade(path)
    before = described(path)
    monkeypatch.setattr(migrate, "_scripts", lambda: scripts)
    with pytest.raises(StoreError, match="no such table: nowhere"):
        upgrade(path)
    assert described(path) == before


def made_by(last: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal as a release made it whose last migration was that one."""
    former = folder / "migrations"
    (former / "versions").mkdir(parents=True)
    versions = [file for file in (ROOT / "migrations/versions").glob("*.py") if file.name[:4] <= last]
    for file in (ROOT / "migrations/env.py", ROOT / "migrations/script.py.mako", *versions):
        (former / file.relative_to(ROOT / "migrations")).write_text(file.read_text())
    path = folder / "journal.db"
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "_scripts", lambda: former)
        upgrade(path)
    assert schema_version(path) == last
    return path


@pytest.mark.parametrize("last", ["0002", "0003", "0004", "0005"])
def test_a_journal_of_before_keeps_its_rows_and_takes_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    path = made_by(last, tmp_path, monkeypatch)
    put(path, *(a_decision(number) for number in range(50)), an_event(60))
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT * FROM decisions ORDER BY id").fetchall()
    assert len(before) == 50
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM decisions ORDER BY id").fetchall() == before
        assert connection.execute("SELECT event_id, state FROM events").fetchall() == [(an_id(60), "pending")]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    queue = CallQueue(path, lambda _: None)
    call = a_made_call(1)
    assert queue.ask(call, max_per_minute=9, max_waiting=9) == (call, True)
    assert queue.one(call.out_id) == call
    queue.close()


def test_events_of_a_release_that_delivered_none_are_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made_by("0001", tmp_path, monkeypatch)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO events VALUES ('e', 1700, 'pbx1', 'c', '', 'c', 1, 'start', '1', '2', '', '{}', 'pending', 0)"
        )
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT due_at, attempts, answer, state FROM events").fetchall()
    assert found == [(1700, 0, "", "pending")]


def test_a_path_with_strange_characters_will_do(tmp_path: Path) -> None:
    path = tmp_path / "100% ж #1?" / "journal.db"
    path.parent.mkdir()
    upgrade(path)
    assert schema_version(path) == schema.REVISION


def test_alembic_neither_logs_nor_prints(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured: list[object] = []
    monkeypatch.setattr(logging, "basicConfig", lambda *what, **_: configured.append(what))
    handlers = list(logging.getLogger().handlers)
    upgrade(tmp_path / "journal.db")
    assert capfd.readouterr() == ("", "")
    assert configured == []
    assert logging.getLogger().handlers == handlers


def test_two_starts_at_once_make_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    program = (
        f"from pathlib import Path; from fallbackrouter.store.migrate import upgrade; upgrade(Path({str(path)!r}))"
    )
    starts = [
        subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=tmp_path)
        for _ in range(4)
    ]
    assert [start.wait(60 * PACE) for start in starts] == [0, 0, 0, 0]
    assert schema_version(path) == schema.REVISION


def test_the_engine_that_migrates_takes_the_write_lock_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    upgrade(path)
    engine = migration_engine(path)
    with engine.begin():
        impatient = sqlite3.connect(path, timeout=0, isolation_level=None)
        with closing(impatient), pytest.raises(sqlite3.OperationalError, match="locked"):
            impatient.execute("BEGIN IMMEDIATE")
    engine.dispose()
