"""The examination in a process of its own: whatever becomes of that, the command ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.doctor.apart import Job, run_apart
from fallbackrouter.doctor.finding import Finding, ok, warn
from fallbackrouter.store.migrate import upgrade

ROOT = Path(__file__).parents[3]


def job(name: str, work: Callable[[], list[Finding]], within_s: float = 30) -> Job:
    return Job(name, within_s, "do this", work)


def test_what_the_children_found_is_told_and_nothing_of_what_they_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def noisy() -> list[Finding]:
        os.write(1, b"noise")
        os.write(2, b"noise")
        return [ok("a", "x" * 200_000), warn("a", "é", "do this")]

    found = run_apart([job("a", noisy), job("b", lambda: [ok("b", str(os.getpid()))])], SystemClock())
    assert found[:2] == [ok("a", "x" * 200_000), warn("a", "é", "do this")]
    assert found[2].what != str(os.getpid())
    assert capfd.readouterr() == ("", "")


def test_children_run_side_by_side() -> None:
    told, tell = os.pipe()
    found = run_apart(
        [
            job("waits", lambda: [ok("waits", os.read(told, 4).decode())]),
            job("comes", lambda: [ok("comes", str(os.write(tell, b"here")))]),
        ],
        SystemClock(),
    )
    os.close(told)
    os.close(tell)
    assert found == [ok("waits", "here"), ok("comes", "4")]


def test_a_child_that_breaks_dies_or_hangs_is_told_and_the_others_go_on() -> None:
    def breaks() -> list[Finding]:
        raise LookupError("nothing here")

    def hangs() -> list[Finding]:
        while True:
            signal.pause()

    jobs = [job("breaks", breaks), job("dies", lambda: os._exit(3)), job("hangs", hangs, 0.3)]
    found = run_apart([*jobs, job("well", lambda: [ok("well", "")])], SystemClock())
    assert [(finding.check, finding.level) for finding in found] == [
        ("breaks", "fail"),
        ("dies", "fail"),
        ("hangs", "fail"),
        ("well", "ok"),
    ]
    assert found[2].remedy == "do this"


@pytest.fixture
def hanging_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that can be frozen, so that writes hang in the kernel."""
    tools = ("/bin/mount", "/sbin/mkfs.ext4", "/sbin/fsfreeze")
    if os.geteuid() != 0 or not all(Path(tool).exists() for tool in tools):
        pytest.skip("only root, with e2fsprogs and util-linux, can freeze a disk of the test's own")
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(16_000_000)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(image)], check=True)
    folder.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-o", "loop", str(image), str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk of the test's own can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def test_a_disk_that_hangs_keeps_the_command_from_nothing(hanging_disk: Path, tmp_path: Path) -> None:
    config = tmp_path / "fallbackrouter.toml"
    config.write_text(f'data_dir = "{hanging_disk}"\n[last_resort]\napp = "group"\nnum = "100"\n')
    upgrade(hanging_disk / "journal.db")
    subprocess.run(["/sbin/fsfreeze", "-f", str(hanging_disk)], check=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fallbackrouter", "doctor", "--json", "--config", str(config)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        subprocess.run(["/sbin/fsfreeze", "-u", str(hanging_disk)], check=True)
    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert "no result within" in found["disk"]["what"]
    assert "no result within" in found["journal"]["what"]
    assert found["config"]["level"] == "ok"
