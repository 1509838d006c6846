"""Writes docs/proof.md from the figures of a full run: `python -m tests.proof.report FIGURES BENCHMARK PAGE`.

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

_ABOUT = """\
Every line is a figure that a test counted at full size (all of them passed), or what `make bench` printed.
"""
_HEAD = """\
# {title}

Written by `{command}`; do not edit.

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


def _amount(value: float | str) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(title: str, source: str, figures: list[tuple[str, float | str]]) -> list[str]:
    rows = [f"| {name} | {_amount(value)} |" for name, value in figures]
    return ["", f"## {title}", "", f"`{source}`", "", "| what | how much |", "| --- | --- |", *rows]


def _proofs(path: Path) -> list[str]:
    """Return a table for each test, in the order in which they ran."""
    by_test: dict[str, list[tuple[str, float | str]]] = {}
    for figure in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        by_test.setdefault(figure["test"], []).append((figure["name"], figure["value"]))
    lines: list[str] = []
    for test, figures in by_test.items():
        file, _, name = test.partition("::")
        lines += _table(name.removeprefix("test_").replace("_", " "), file, figures)
    return lines


def _benchmark(path: Path) -> list[str]:
    """Return what the benchmark printed, its verdict on the promises included; it ran on its own, after the tests."""
    return ["", "## what a call costs", "", "`make bench`", "", "```", path.read_text(encoding="utf-8").rstrip(), "```"]


def head(title: str, command: str) -> str:
    """Return how a page begins: what wrote it, and on what."""
    return _HEAD.format(
        title=title,
        command=command,
        commit=_commit(),
        day=f"{SystemClock().now_at():%Y-%m-%d}",
        machine=_machine(),
        python=platform.python_version(),
    )


def main(figures: Path, benchmark: Path, page: Path) -> None:
    """Write the page."""
    lines = [head("Proof", "make proof"), _ABOUT.rstrip("\n"), *_proofs(figures), *_benchmark(benchmark), ""]
    page.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
