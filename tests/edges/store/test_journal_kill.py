"""What was acknowledged is in the database, whenever its writer is killed: counted by what it said, not by itself."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from fallbackrouter.store.migrate import upgrade
from tests.fakes.records import an_id

ROOT = Path(__file__).parents[3]
ROUNDS = 8
PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from fallbackrouter.store.journal import JournalWriter
from tests.fakes.records import a_decision, an_event

async def main(path, first):
    journal = JournalWriter(path, on_note=print, on_overflow=print)
    journal.start(asyncio.get_running_loop())
    number = first
    while True:
        batch = range(number, number + 1 + number % 40)
        futures = [journal.record_decision(a_decision(n)) for n in batch]
        futures.append(journal.record_event(an_event(number, linked_id="one call")))
        assert all(await asyncio.gather(*futures))
        os.write(1, "".join(f"{n}\\n" for n in batch).encode())
        os.write(2, f"{number}\\n".encode())
        number = batch[-1] + 1

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_no_acknowledged_row_is_lost(tmp_path: Path, round_: int) -> None:
    path = tmp_path / "journal.db"
    upgrade(path)
    said, told = tmp_path / "decisions", tmp_path / "events"
    with said.open("wb") as out, told.open("wb") as err:
        writer = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), "0"],
            stdout=out,
            stderr=err,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    enough = random.Random(round_).randrange(200, 4000)
    while len(said.read_bytes().splitlines()) < enough and writer.poll() is None:
        time.sleep(0.002)
    writer.kill()
    assert writer.wait(60) == -9
    acknowledged = {an_id(int(line)) for line in _whole_lines(said)}
    events = {an_id(int(line)) for line in _whole_lines(told)}
    assert len(acknowledged) >= enough
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {row[0] for row in connection.execute("SELECT id FROM decisions")}
        kept_events = connection.execute("SELECT event_id, seq FROM events ORDER BY seq").fetchall()
    assert acknowledged <= kept
    assert events <= {row[0] for row in kept_events}
    assert [row[1] for row in kept_events] == list(range(1, len(kept_events) + 1))


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().rpartition(b"\n")[0].splitlines()
