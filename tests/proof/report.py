"""Writes docs/proof.md from the figures of a full run: `python -m tests.proof.report FIGURES PAGE`.

The page names the commit, the day and the machine, so that a figure can be asked for again.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from fallbackrouter.clock import SystemClock

_HEAD = """\
# Proof

Written by `make proof`; do not edit. Every line is a figure that a test counted at full size, after it passed.

- commit: {commit}
- day: {day}
- machine: {machine}
- Python: {python}
"""


def _output_of(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    return subprocess.run([path, *arguments], check=False, capture_output=True, text=True).stdout.strip()


def _commit() -> str:
    name = _output_of("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    changed = _output_of("git", "status", "--porcelain", "--untracked-files=no")
    return f"{name}, with changes that are not committed" if changed else name


def _machine() -> str:
    cores = os.cpu_count() or 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{platform.machine()}, {cores} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"


def _rows(lines: list[str]) -> list[str]:
    """Return a table for each test, in the order in which they ran."""
    rows: list[str] = []
    last = ""
    for figure in map(json.loads, lines):
        test = figure["test"]
        if test != last:
            path, _, name = test.partition("::")
            rows += ["", f"## {name.removeprefix('test_').replace('_', ' ')}", "", f"`{path}`", ""]
            rows += ["| what | how much |", "| --- | --- |"]
            last = test
        value = figure["value"]
        rows.append(f"| {figure['name']} | {f'{value:,}' if isinstance(value, int) else value} |")
    return rows


def main(figures: Path, page: Path) -> None:
    """Write the page."""
    head = _HEAD.format(
        commit=_commit(),
        day=f"{SystemClock().now_at():%Y-%m-%d}",
        machine=_machine(),
        python=platform.python_version(),
    )
    rows = _rows(figures.read_text(encoding="utf-8").splitlines())
    page.write_text("\n".join([head.rstrip("\n"), *rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
