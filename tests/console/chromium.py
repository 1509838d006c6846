"""The browser that the console is tried in: Debian's Chromium, steered by Playwright.

`python -m tests.console.chromium` installs it where it is missing, as root on Debian; elsewhere the tests are skipped
with a line that says so.
"""

import os
import shutil
import sys
from pathlib import Path

from tests.asterisk.roots import APT_OPTIONS, RootError, cache, run_quietly

PACKAGE = "chromium"
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""A browser that speaks with nobody but the console."""


def program() -> str | None:
    """Return where it is, None where it is not."""
    return shutil.which(PACKAGE)


def flags() -> list[str]:
    """Return the arguments of its start; root has no sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def why_not() -> str:
    """Return why there is none, "" where there is."""
    return "" if program() else "no Chromium here; as root on Debian `make chromium` installs it"


def _say(text: str) -> None:
    sys.stdout.write(f"chromium: {text}\n")
    sys.stdout.flush()


def main() -> int:
    """Install it where it is missing and can be; 1 when it cannot be had though it should."""
    if program():
        return 0
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        _say("skipped, and with it the tests of the console in a browser: only root on Debian can install it")
        return 0
    cache().mkdir(parents=True, exist_ok=True)
    log = cache() / "apt.log"
    _say(f"installing {PACKAGE} (a minute or two, log in {log})")
    try:
        run_quietly("apt-get", *APT_OPTIONS, "update", log=log)
        run_quietly("apt-get", *APT_OPTIONS, "install", "-y", "--no-install-recommends", PACKAGE, log=log)
    except RootError as error:
        _say(f"!!!!!! NO BROWSER: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
