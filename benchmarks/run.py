"""How fast the router is, as ratios within one run: against FastAGI servers on the same loop that decide nothing.

Usage: python -m benchmarks.run [--rounds N] [--json FILE]. The bounds are the product's promises; exit 1 where one is
not kept.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.load import Run, closed_loop

CALLS = 4000
AT_ONCE = 32
ALONE = 600
BARE, PLAIN, ROUTER = "a bare server", "plain panoramisk", "the router"
MIN_RATE = 0.5
MAX_ALONE_MS = 0.4
DIDS = ["74951111111", "74951111112", "74991234567", "78001234567"]

CONFIG = """
data_dir = "var"
[agi]
listen = ["127.0.0.1:0"]
http_listen = []
[rules]
dir = "rules"
timezone = "Europe/Moscow"
[numbers]
region = "RU"
[log]
level = "warning"
[admin]
listen = ""
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
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            words = line.replace(",", " ").split()
            yield int(next(word for word in words if word.rpartition(":")[2].isdigit()).rpartition(":")[2])
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


Turn = dict[str, Run]
"""One run of each server, by its name."""


def measure(ports: dict[str, int], rounds: int) -> tuple[list[Turn], list[Turn]]:
    """Take turns, so that whatever else the machine does meets all; returns the busy turns and those alone."""

    async def turn(calls: int, at_once: int) -> Turn:
        return {name: await closed_loop(port, calls=calls, at_once=at_once, dids=DIDS) for name, port in ports.items()}

    async def all_rounds() -> tuple[list[Turn], list[Turn]]:
        await turn(400, 8)  # warm all
        return [await turn(CALLS, AT_ONCE) for _ in range(rounds)], [await turn(ALONE, 1) for _ in range(rounds)]

    return uvloop.run(all_rounds())


def take_turns(rounds: int) -> tuple[list[Turn], list[Turn]]:
    """Start the servers in a folder of their own, and measure them."""
    floor = [sys.executable, str(Path(__file__).parent / "floor.py")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules").mkdir()
        (folder / "rules" / "rules.yaml").write_text(RULES)
        config = folder / "fallbackrouter.toml"
        config.write_text(CONFIG)
        serve = [sys.executable, "-m", "fallbackrouter", "serve", "--config", str(config)]
        with (
            served(floor, folder) as bare,
            served([*floor, "panoramisk"], folder) as plain,
            served(serve, folder) as router,
        ):
            return measure({BARE: bare, PLAIN: plain, ROUTER: router}, rounds)


def main() -> int:
    """Measure, print a table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    busy, alone = take_turns(chosen.rounds)
    ratio, ratio_plain = (median(turn[ROUTER].rate / turn[other].rate for turn in busy) for other in (BARE, PLAIN))
    extra_ms = median(turn[ROUTER].quantile_ms(0.5) - turn[BARE].quantile_ms(0.5) for turn in alone)
    failed = sum(run.failed for turn in (*busy, *alone) for run in turn.values())
    figures: dict[str, float] = {}
    for name in (BARE, PLAIN, ROUTER):
        figures[f"calls per second, {name}"] = round(median(turn[name].rate for turn in busy))
    figures[f"share of {BARE}'s rate, {AT_ONCE} at a time"] = round(ratio, 3)
    figures[f"share of {PLAIN}'s rate"] = round(ratio_plain, 3)
    for name in (BARE, PLAIN, ROUTER):
        figures[f"p50 ms alone, {name}"] = round(median(turn[name].quantile_ms(0.5) for turn in alone), 3)
    figures[f"a call alone costs more than {BARE}'s by, ms"] = round(extra_ms, 3)
    figures["calls without a whole answer"] = failed
    for what, figure in figures.items():
        print(f"{what:<58} {figure:>10}")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    kept = ratio >= MIN_RATE and extra_ms <= MAX_ALONE_MS and not failed
    promise = f"at least {MIN_RATE} of {BARE}'s rate, at most {MAX_ALONE_MS} ms more alone"
    print(f"promised: {promise}: {'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
