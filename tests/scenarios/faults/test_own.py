"""Faults of our own: the disk, a lock, stderr, and our processes; the CRM is well or hangs meanwhile."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import sleep

import pytest

from fallbackrouter.clock import SystemClock
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import alive, children_of, wait_until
from tests.proof.machine import PACE
from tests.proof.size import full_or
from tests.scenarios.faults.numbers import ALL, FROM_LIVE, LOCAL, Sources
from tests.scenarios.faults.scene import Scene

HEARTBEAT_MS = 1000 if PACE == 1 else 30_000
LOCKED_S = full_or(2, full=10)
UNRECORDED = "unrecorded"
BALLAST = "ballast"


def statuses(scene: Scene, expected: Sources, dids: list[str] | None = None) -> set[str]:
    """Make the calls, and return the FR_STATUS that they got."""
    return {one.variables["FR_STATUS"] for one in scene.calls(expected, dids)}


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Have a disk of 8 MB of the test's own."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or not mount or not umount:
        pytest.skip("only root can mount a disk of the test's own")
    folder.mkdir()
    subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free; once more, where what was given back since is free."""
    ballast = folder / BALLAST
    with ballast.open("ab") as file:
        try:
            while True:
                os.write(file.fileno(), b"x" * 4096)
        except OSError:
            return ballast


def test_a_full_disk(scene: Scene) -> None:
    with CrmProcess() as crm, small_disk(scene.whole.folder / "disk") as disk:
        scene.start(crm.url, data_dir="disk")
        scene.story.fault = "disk full"
        scene.healthy()
        crm.set_mode("hang")
        # The journal's log gives its room back on a full disk, and calls are recorded in that until it is full too.
        wait_until(lambda: fill(disk) and UNRECORDED in statuses(scene, LOCAL), "the disk is full")
        crm.set_mode("ok")
        (disk / BALLAST).unlink()
        scene.recovers()
        wait_until(lambda: scene.worker()["counters"]["journal_pending"] == 0, "everything is on record")
        assert {did for did, _ in scene.trails()} >= set(ALL), "a decision was lost"
        scene.service.stop()


def test_a_locked_database(scene: Scene) -> None:
    with CrmProcess() as crm:
        scene.start(crm.url)
        scene.story.fault = f"database locked for {LOCKED_S} s"
        scene.healthy()
        crm.set_mode("hang")
        begun_s = SystemClock().now_s()
        with closing(sqlite3.connect(scene.whole.data_dir / "journal.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert statuses(scene, LOCAL) == {UNRECORDED}
            while SystemClock().now_s() - begun_s < LOCKED_S:
                scene.ask(scene.others(50))
                sleep(0.5)
            other.execute("ROLLBACK")
        crm.set_mode("ok")
        scene.recovers()
        wait_until(lambda: scene.worker()["counters"]["journal_pending"] == 0, "everything is on record")
        assert {did for did, _ in scene.trails()} >= set(ALL), "a decision was lost"


def test_a_frozen_worker(scene: Scene) -> None:
    bound_ms = HEARTBEAT_MS + 1000
    with CrmProcess() as crm:
        scene.start(crm.url, agi=f"heartbeat_ms = {HEARTBEAT_MS}")
        scene.story.fault, scene.story.bound = "worker SIGSTOP", f"{bound_ms} ms"
        scene.healthy()
        pid = scene.worker()["pid"]
        os.kill(pid, signal.SIGSTOP)
        scene.calls(FROM_LIVE, bound_ms=bound_ms)
        assert not alive(pid)
        scene.recovers(vitals=False)


def test_a_killed_worker(scene: Scene) -> None:
    bound_ms = HEARTBEAT_MS + 1000
    with CrmProcess() as crm:
        scene.start(crm.url, agi=f"heartbeat_ms = {HEARTBEAT_MS}")
        scene.story.fault, scene.story.bound = "worker SIGKILL", f"{bound_ms} ms"
        scene.healthy()
        pid = scene.worker()["pid"]
        os.kill(pid, signal.SIGKILL)
        scene.calls(FROM_LIVE, bound_ms=bound_ms)
        assert scene.worker()["pid"] != pid
        scene.recovers(vitals=False)


def test_a_killed_parent(scene: Scene) -> None:
    with CrmProcess() as crm:
        scene.start(crm.url)
        scene.story.fault, scene.story.bound = "parent SIGKILL", "children gone within 2 s"
        scene.healthy()
        children = children_of(scene.service.pid)
        assert len(children) >= 2
        begun_s = SystemClock().now_s()
        scene.service.signal(signal.SIGKILL)
        wait_until(lambda: not any(alive(pid) for pid in children), "the children are gone", within_s=20)
        scene.story.note = f"children gone after {SystemClock().now_s() - begun_s:.2f} s"


def test_a_stalled_stderr(scene: Scene) -> None:
    unread, stderr = os.pipe()
    try:
        with CrmProcess() as crm:
            os.write(stderr, b"x" * fcntl.fcntl(stderr, fcntl.F_GETPIPE_SZ))  # whoever writes now waits for ever
            scene.start(crm.url, text='[log]\nlevel = "debug"', stderr=stderr)
            scene.story.fault = "stderr stalled"
            scene.healthy()
            crm.set_mode("500")
            scene.calls(LOCAL)
            crm.set_mode("ok")
            scene.recovers()
    finally:
        os.close(unread)
        os.close(stderr)


def test_few_file_descriptors(scene: Scene) -> None:
    scene.story.fault = "128 file descriptors"
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)); "
        "from fallbackrouter.cli.main import main; main()"
    )
    with CrmProcess() as crm:
        scene.start(crm.url, program=("-c", limited))
        limits = Path(f"/proc/{scene.worker()['pid']}/limits").read_text(encoding="ascii")
        assert "128" in next(line for line in limits.splitlines() if line.startswith("Max open files"))
        scene.note_vitals()
        crm.set_mode("hang")
        scene.calls(LOCAL)
        crm.set_mode("ok")
        scene.recovers()
