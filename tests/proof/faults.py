"""Prints the table of faults and writes docs/faults.md: `python -m tests.proof.faults FIGURES PAGE`.

Figures are JSON lines, one a fault, as tests/scenarios/faults/conftest.py writes them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.proof.report import head

_INTRODUCTION = """
Each line is a test of `tests/scenarios/faults/`: the whole daemon, with a CRM in a process of its own. While the fault
was on, 200 calls were made, 50 at a time: 50 numbers each that a remembered answer, the synced routes, a fallback rule,
or nobody knows. Every answer came from a tier that was right for it, and inside the bound. `call_ms` was 400.

That the fault was met is read from the calls' trails, but for name servers that fail later (the last good addresses
serve, so no trail knows) and for faults of our own processes, which are there by their nature. What the worker holds
(descriptors, tasks, threads, memory) was compared before and after, but for killed and frozen processes. No calls were
made while the parent was killed.

*Slowest answer* is what the caller waited, from the connect to the last byte; *live again*, how long after the fault's
end the CRM answered a first call again, without a restart; the breaker lets in all calls some seconds later. Times are
of one run.

| fault | answered by | slowest answer | bound | live again after |
| --- | --- | --- | --- | --- |
"""


def _row(story: dict[str, Any]) -> str:
    answers = ", ".join(f"{tier} {count}" for tier, count in sorted(story["answers"].items()))
    slowest = f"{story['slowest_ms']:.0f} ms" if story["slowest_ms"] else ""
    again = "" if story["again_s"] is None else f"{story['again_s']:.2f} s"
    fault = f"{story['fault']} ({story['note']})" if story["note"] else story["fault"]
    return f"| {fault} | {answers} | {slowest} | {story['bound']} | {again} |"


def main(figures: Path, page: Path) -> None:
    """Write the page, and print its table."""
    rows = [_row(json.loads(line)) for line in figures.read_text(encoding="utf-8").splitlines()]
    text = head("Faults", "make drill") + _INTRODUCTION + "\n".join(rows) + "\n"
    page.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
