"""A damaged routes.db is set aside, never served from, and never in the way of the next sync."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.route_repair import load_or_set_aside
from fallbackrouter.store.routes import RoutesCopy
from tests.fakes.calls import GATE, call
from tests.fakes.routes import route_row, write_routes

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def load(path: Path, notes: list[str]) -> RoutesCopy:
    return load_or_set_aside(path, gate=GATE, load_zone=load_zone, default_zone="", at=AT, on_note=notes.append)


def write(path: Path) -> None:
    write_routes(path, [route_row("r1", "74951111111", result={"app": "group", "num": "9"})], synced_at=AT)


@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_file_lies_aside_and_the_next_sync_serves(tmp_path: Path, keep: int) -> None:
    path, notes = tmp_path / "routes.db", list[str]()
    write(path)
    path.write_bytes(path.read_bytes()[:keep] + b"no database" * 1000)
    damaged = path.read_bytes()
    copy = load(path, notes)
    assert copy.count == 0
    copy.close()
    [aside] = tmp_path.glob("routes.db.corrupt-*")
    assert aside.read_bytes() == damaged
    assert len(notes) == 1
    assert str(aside) in notes[0]
    write(path)
    copy = load(path, notes)
    assert copy.first(call(), AT) is not None
    assert len(notes) == 1
    copy.close()


def test_a_good_file_and_a_missing_one_are_left_alone(tmp_path: Path) -> None:
    path, notes = tmp_path / "routes.db", list[str]()
    load(path, notes).close()
    write(path)
    copy = load(path, notes)
    assert copy.count == 1
    copy.close()
    assert notes == []


def test_a_file_of_another_schema_is_no_damage(tmp_path: Path) -> None:
    path, notes = tmp_path / "routes.db", list[str]()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="another version"):
        load(path, notes)
    assert path.exists()
