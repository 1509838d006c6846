"""How fast the router is, and how its cost grows: `python -m benchmarks [--full] [--only NAME ...] [--check]`.

Runs each benchmark in turn, prints its table, and writes it into docs/performance.md, between its two marks.
With --check nothing is written: the ratios are compared with benchmarks/expected.toml, and exit 1 tells that one fell.
Without it, exit 1 tells that a promise is not kept.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import blackhole, console, expected, growth, live, local, page, steady
from benchmarks.exchange import measure as exchange
from benchmarks.figures import Section
from benchmarks.ground import Ground

ROUTES = 1_000_000

Benchmark = Callable[[Ground], Section]
ALWAYS: dict[str, Benchmark] = {
    "local": local.measure,
    "open": steady.measure,
    "live": live.measure,
    "blackhole": blackhole.measure,
    "exchange": exchange.measure,
    "console": console.measure,
    "growth-routes": growth.routes,
    "growth-rules": growth.rules,
    "growth-remembered": growth.remembered,
}
"""What `make bench` runs."""
AT_LENGTH: dict[str, Benchmark] = {"growth-journal": growth.journal}
"""What `make bench-full` adds."""


def chosen(names: list[str], *, full: bool) -> dict[str, Benchmark]:
    """Return the benchmarks to run; SystemExit where a name is none."""
    known = ALWAYS | AT_LENGTH
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"No benchmark is named {', '.join(unknown)}; there are: {', '.join(known)}.")
    if names:
        return {name: known[name] for name in names}
    return known if full else ALWAYS


def measured(benchmarks: dict[str, Benchmark], ground: Ground) -> Iterator[Section]:
    """Run benchmarks one after another, and print each one's table as it ends."""
    for name, benchmark in benchmarks.items():
        print(f"... {name}", file=sys.stderr, flush=True)
        section = benchmark(ground)
        print(section.text(), end="\n\n", flush=True)
        yield section


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="longer, with everything that grows, and pictures")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these benchmarks")
    parser.add_argument("--routes", type=int, default=ROUTES, help=f"rows of the synced table (default {ROUTES:,})")
    parser.add_argument("--check", action="store_true", help="compare with benchmarks/expected.toml; write nothing")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what was started is ended
    with tempfile.TemporaryDirectory(prefix="fallbackrouter-bench-") as folder:
        ground = Ground(Path(folder), asked.routes, asked.full, draw=asked.full and not asked.check)
        sections = []
        for section in measured(chosen(asked.only, full=asked.full), ground):
            sections.append(section)
            if not asked.check:
                page.write(sections)  # what has ended stays, whatever becomes of the next
    if asked.check:
        return expected.check(sections)
    return 0 if all(section.kept for section in sections) else 1


if __name__ == "__main__":
    sys.exit(main())
