"""What both halves of a Local channel report is told once; what two channels of a call report is told twice."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.decision import Event
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.migrate import upgrade
from tests.fakes.records import an_event

ONE, TWO = "Local/100@from-queue-0000002a;1", "Local/100@from-queue-0000002a;2"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[JournalFile]:
    upgrade(tmp_path / "journal.db")
    file = JournalFile(tmp_path / "journal.db", SystemClock(), pytest.fail, 86_400)
    yield file
    file.close()


def kept(tmp_path: Path) -> list[tuple[str, str, int]]:
    """Stage, channel and place within its call of what is kept, in that order."""
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        rows = connection.execute("SELECT stage, details, seq FROM events ORDER BY call_key, seq").fetchall()
    return [(stage, json.loads(details).get("channel", ""), seq) for stage, details, seq in rows]


def by(number: int, channel: str, stage: str = "end_auto", **of_the_call: Any) -> Event:
    return an_event(number, **{"channel": channel, "stage": stage, "call_id": f"c{number}", **of_the_call})


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("stage", ["start", "end_auto", "end_failed", "anything"])
@pytest.mark.parametrize(("first", "second"), [(ONE, TWO), (TWO, ONE)])
def test_the_second_half_tells_nothing_new(
    file: JournalFile, tmp_path: Path, first: str, second: str, stage: str, *, together: bool
) -> None:
    batch = [by(1, first, stage), by(2, second, stage), by(3, first, "later")]
    for part in [batch] if together else [[event] for event in batch]:
        file.write(part)
    assert kept(tmp_path) == [(stage, first, 1), ("later", first, 2)]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(by(1, ONE), by(2, "Local/100@from-queue-0000002b;2"), id="halves of two Local channels"),
        pytest.param(by(1, ONE), by(2, "Local/101@from-queue-0000002a;2"), id="two agents"),
        pytest.param(by(1, "PJSIP/100-0000002a"), by(2, "PJSIP/101-0000002b"), id="two telephones"),
        pytest.param(by(1, ONE), by(2, TWO, linked_id="another"), id="two calls"),
        pytest.param(by(1, ONE, "start"), by(2, TWO, "end_auto"), id="two stages"),
        pytest.param(by(1, ONE), by(2, ONE), id="the same half again"),
        pytest.param(by(1, ONE), by(2, ""), id="a channel without a name"),
        pytest.param(by(1, "PJSIP/a;1"), by(2, "PJSIP/a;2"), id="no Local channel"),
        pytest.param(by(1, ONE, linked_id=""), by(2, TWO, linked_id=""), id="no linked id"),
        pytest.param(by(1, ONE), by(2, TWO, extra=(("link", "/rec/1.wav"),)), id="a recording is news"),
    ],
)
def test_whatever_else_a_call_reports_is_kept(
    file: JournalFile, tmp_path: Path, first: Event, second: Event, *, together: bool
) -> None:
    for part in [[first, second]] if together else [[first], [second]]:
        file.write(part)
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("second", [(), (("link", "/rec/1.wav"),), (("billsec", "7"),)])
def test_the_recording_that_was_told_is_told_once(
    file: JournalFile, tmp_path: Path, second: tuple[tuple[str, str], ...]
) -> None:
    file.write([by(1, ONE, extra=(("link", "/rec/1.wav"),)), by(2, TWO, extra=second)])
    assert kept(tmp_path) == [("end_auto", ONE, 1)]


def test_a_half_that_is_tried_again_is_kept_once(file: JournalFile, tmp_path: Path) -> None:
    for _ in range(2):
        file.write([by(1, ONE), by(2, TWO)])
    assert kept(tmp_path) == [("end_auto", ONE, 1)]
