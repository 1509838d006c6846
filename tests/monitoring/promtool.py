"""promtool, which checks rules for Prometheus: taken out of Debian's package once, kept outside the checkout.

`python -m tests.monitoring.promtool` gets it where it is missing. The package is unpacked and never installed, so no
Prometheus is started on this machine. Where it cannot be had, a line says so, and the tests that need it are skipped.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.asterisk.roots import APT_OPTIONS, QUIET, RootError, cache, run_quietly

PACKAGE = "prometheus"


def promtool() -> Path | None:
    """Return the program, None where it has not been got."""
    ours = cache() / "promtool"
    found = shutil.which("promtool", path=QUIET["PATH"])
    return ours if ours.is_file() else Path(found) if found else None


def get(log: Path) -> None:
    """Get it.

    Raises:
        RootError: it cannot be had.
    """
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        folder = Path(name)
        _download(folder, log)
        (package,) = folder.glob(f"{PACKAGE}_*.deb")
        run_quietly("dpkg-deb", "-x", package, folder / "out", log=log)
        (folder / "out/usr/bin/promtool").rename(cache() / "promtool")


def _download(folder: Path, log: Path) -> None:
    command = ["apt-get", *APT_OPTIONS, "download", PACKAGE]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        run_quietly("apt-get", *APT_OPTIONS, "update", log=log)
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RootError(f"`apt-get download {PACKAGE}` failed: {done.stderr.strip()[:200]}")


def main() -> int:
    """Get it where it is missing; never fails, as the tests can be skipped."""
    cache().mkdir(parents=True, exist_ok=True)
    try:
        if promtool() is None:
            get(cache() / "apt.log")
    except (RootError, OSError, subprocess.SubprocessError, ValueError) as error:
        sys.stdout.write(f"!!!!!! THE RULES FOR PROMETHEUS ARE NOT TESTED: {error}\n")
        return 0
    sys.stdout.write(f"promtool is {promtool()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
