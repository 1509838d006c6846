"""The machine's calendar jumps by an hour, forward and back; what waits, waits by the monotonic clock."""

import mmap
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.crm_process import CrmProcess
from tests.scenarios.faults.numbers import ALL, LOCAL
from tests.scenarios.faults.scene import BOUND_MS, Scene

SOURCE = Path(__file__).parents[2] / "fakes" / "clock_jump.c"
HOUR_S = 3600


class Calendar:
    """The calendar of the daemon's processes, which the test may set."""

    def __init__(self, shift: mmap.mmap, environ: dict[str, str]) -> None:
        self._shift = shift
        self.environ = environ

    def jump(self, shift_s: int) -> None:
        """Let the daemon's calendar be so many seconds ahead of the true one."""
        self._shift[:8] = struct.pack("q", shift_s)


@contextmanager
def calendar(folder: Path) -> Iterator[Calendar]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the calendar of a process cannot be set")
    library, file = folder / "clock_jump.so", folder / "shift"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    file.write_bytes(bytes(mmap.PAGESIZE))
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), mmap.PAGESIZE) as shift:
        yield Calendar(shift, {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(file)})


def newest(scene: Scene) -> datetime:
    """Return the moment that the newest decision carries."""
    [(at_ms,)] = scene.whole.query("SELECT at FROM decisions ORDER BY rowid DESC LIMIT 1")
    return datetime.fromtimestamp(int(at_ms) / 1000, UTC)


@pytest.mark.parametrize(
    ("word", "jump_s"), [("an hour forward", HOUR_S), ("an hour back", -HOUR_S)], ids=["forward", "back"]
)
def test_the_calendar_jumps(scene: Scene, tmp_path: Path, word: str, jump_s: int) -> None:
    scene.story.fault = f"the calendar jumps {word}"
    with CrmProcess() as crm, calendar(tmp_path) as set_to:
        scene.start(crm.url, environ=set_to.environ)
        scene.healthy()
        before = newest(scene)
        set_to.jump(jump_s)
        answered = scene.ask(scene.others(len(ALL)))
        assert {one.variables.get("FR_SOURCE") for one in answered} == {"live"}
        assert max(one.took_ms for one in answered) <= BOUND_MS
        shifted = newest(scene) - before
        assert abs(shifted - timedelta(seconds=jump_s)) < timedelta(minutes=5), "the jump was not met"
        crm.set_mode("hang")
        scene.calls(LOCAL)
        set_to.jump(0)
        scene.calls(LOCAL)
        crm.set_mode("ok")
        scene.recovers()
        recorded = scene.whole.query("SELECT count(*) FROM decisions WHERE node != ''")
        assert int(recorded[0][0]) >= 4 * len(ALL)
