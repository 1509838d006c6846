"""How fast the router is, as ratios within one run: against a FastAGI server on the same loop that decides nothing.

Usage: python -m benchmarks.run [--rounds N] [--json FILE]. The bounds are the product's promises; exit 1 where one is
not kept.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from benchmarks.load import Run, closed_loop

CALLS = 4000
AT_ONCE = 32
ALONE = 600
MIN_RATE = 0.5
MAX_ALONE_MS = 0.4
DIDS = ["74951111111", "74951111112", "74991234567", "78001234567"]

CONFIG = """
data_dir = "var"
[agi]
listen = ["127.0.0.1:0"]
[rules]
dir = "rules"
timezone = "Europe/Moscow"
[numbers]
region = "RU"
[log]
level = "warning"
[last_resort]
app = "group"
num = "100"
time = "60"
"""
RULES = """
- name: head office, day
  did: ["74951111111", "_7499XXXXXXX"]
  when: "09:00-18:00,mon-fri,*,*"
  timezone: Europe/Moscow
  route: {app: group, num: "62", time: "100"}
- name: head office
  did: ["74951111111", "_7499XXXXXXX", "74951111112"]
  route: {app: group, num: "63", time: "100"}
- name: free line
  did: _7800XXXXXXX
  route: {app: queue, num: "800"}
"""


@contextmanager
def served(command: list[str], folder: Path) -> Iterator[int]:
    """Run a server that prints its port, in a line of its own or as `agi 127.0.0.1:PORT`."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        words = line.replace(",", " ").split()
        yield int(next(word for word in words if word.rpartition(":")[2].isdigit()).rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(20)


def measure(floor: int, router: int, rounds: int) -> tuple[list[tuple[Run, Run]], list[tuple[Run, Run]]]:
    """Take turns, so that whatever else the machine does meets both."""

    async def pair(calls: int, at_once: int) -> tuple[Run, Run]:
        return (
            await closed_loop(floor, calls=calls, at_once=at_once, dids=DIDS),
            await closed_loop(router, calls=calls, at_once=at_once, dids=DIDS),
        )

    async def all_rounds() -> tuple[list[tuple[Run, Run]], list[tuple[Run, Run]]]:
        await pair(400, 8)  # warm both
        busy = [await pair(CALLS, AT_ONCE) for _ in range(rounds)]
        alone = [await pair(ALONE, 1) for _ in range(rounds)]
        return busy, alone

    return uvloop.run(all_rounds())


def main() -> int:
    """Measure, print a table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules").mkdir()
        (folder / "rules" / "rules.yaml").write_text(RULES)
        (folder / "fallbackrouter.toml").write_text(CONFIG)
        config = folder / "fallbackrouter.toml"
        with (
            served([sys.executable, str(Path(__file__).parent / "floor.py")], folder) as floor,
            served([sys.executable, "-m", "fallbackrouter", "serve", "--config", str(config)], folder) as router,
        ):
            busy, alone = measure(floor, router, chosen.rounds)
    ratio = statistics.median(theirs.rate and ours.rate / theirs.rate for theirs, ours in busy)
    extra_ms = statistics.median(ours.quantile_ms(0.5) - theirs.quantile_ms(0.5) for theirs, ours in alone)
    failed = sum(ours.failed + theirs.failed for theirs, ours in (*busy, *alone))
    figures = {
        "calls per second, floor": round(statistics.median(theirs.rate for theirs, _ in busy)),
        "calls per second, router": round(statistics.median(ours.rate for _, ours in busy)),
        f"share of the floor's rate, {AT_ONCE} at a time": round(ratio, 3),
        "p50 ms alone, floor": round(statistics.median(theirs.quantile_ms(0.5) for theirs, _ in alone), 3),
        "p50 ms alone, router": round(statistics.median(ours.quantile_ms(0.5) for _, ours in alone), 3),
        "a call alone costs more by, ms": round(extra_ms, 3),
        "calls without a whole answer": failed,
    }
    for what, figure in figures.items():
        print(f"{what:<45} {figure:>10}")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    kept = ratio >= MIN_RATE and extra_ms <= MAX_ALONE_MS and not failed
    promise = f"at least {MIN_RATE} of the rate, at most {MAX_ALONE_MS} ms more alone"
    print(f"promised: {promise}: {'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
