"""Local answers while the CRM takes connections and never answers, against those of a router that has no CRM."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import turns
from benchmarks.compiled import Load
from benchmarks.figures import Figure, Section
from benchmarks.ground import Ground
from fallbackrouter.control.client import command

IN_FLIGHT = 32
ROUNDS, ROUNDS_IN_FULL = 15, 41
NONE, HOLE = "without a CRM", "with a CRM that never answers"
LEAST_RATE, MOST_P99 = 0.9, 1.1
PATIENCE_S, OPENS_WITHIN_S = 30, 120
SIGN_OF_LIFE_S, SAME = 1.0, 3
ABOUT = f"""Calls that a synced route decides, {IN_FLIGHT} in flight. One router has no CRM; the other's takes
connections and never answers, and its breaker is open: it keeps every call from the CRM, and probes go on hanging
beside the calls. Turns of half a second; figures are medians of turns, ratios of rounds."""


@contextmanager
def hole() -> Iterator[int]:
    """Listen and accept by the kernel alone, and never answer; yields the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield listening.getsockname()[1]


def measure(ground: Ground) -> Section:
    """Open the breaker, and measure both in turns."""
    folder = ground.folder / "blackhole"
    folder.mkdir()
    load = Load.of(folder, ground.dids(), "synced")
    with (
        hole() as crm,
        ground.router("blackhole-none") as none,
        ground.router("blackhole-hole", more=f'[crm]\nurl = "http://127.0.0.1:{crm}/{{stage}}"\n') as dead,
    ):
        data_dir = ground.folder / "blackhole-hole" / "var"
        _open_breaker(load, dead, data_dir)
        measures = {NONE: turns.busy(load, none, IN_FLIGHT), HOLE: turns.busy(load, dead, IN_FLIGHT)}
        before = _told(data_dir)
        rounds = turns.take(measures, ROUNDS_IN_FULL if ground.full else ROUNDS)
        after = _told(data_dir)
    p99 = median(turn[HOLE].ms(99) / turn[NONE].ms(99) for turn in rounds)
    figures = [
        *(Figure(name, turns.rate(rounds, name), "calls/s") for name in (NONE, HOLE)),
        *(Figure(f"{name}, p99", turns.usual_ms(rounds, name, 99), "ms") for name in (NONE, HOLE)),
        Figure("rate, share of that without a CRM", turns.ratio(rounds, HOLE, NONE), least=LEAST_RATE),
        Figure("p99, times that without a CRM", p99, most=MOST_P99),
        Figure("calls that asked the CRM meanwhile", after.asked - before.asked, "calls", most=0),
        Figure("times that the breaker opened again", after.opened - before.opened, "times", most=0),
        Figure("probes that hung meanwhile", after.probes - before.probes, "probes", least=1),
        Figure("calls without a whole answer", turns.failed(rounds), "calls", most=0),
    ]
    return Section.of("A CRM that never answers", ABOUT, figures)


def _open_breaker(load: Load, port: int, data_dir: Path) -> None:
    """Make calls until the breaker is open; SystemExit where it never is."""
    until_s = time.monotonic() + OPENS_WITHIN_S
    while time.monotonic() < until_s:
        load.closed(port, IN_FLIGHT, IN_FLIGHT)
        if command(data_dir, {"do": "status"}, PATIENCE_S)["breaker"]["state"] == "open":
            return
    raise SystemExit(f"The breaker did not open within {OPENS_WITHIN_S} s of calls to a CRM that never answers.")


@dataclass(frozen=True)
class _Told:
    """What the service has counted: calls decided, calls that asked the CRM, openings of the breaker, probes."""

    decisions: int
    asked: int
    opened: int
    probes: int


def _told(data_dir: Path) -> _Told:
    """Return what was counted once calls are over; a worker tells of it with each sign of life."""
    told: list[_Told] = []
    while len(told) < SAME or len({one.decisions for one in told[-SAME:]}) > 1:
        time.sleep(SIGN_OF_LIFE_S)
        status = command(data_dir, {"do": "status"}, PATIENCE_S)
        counters, asked = status["workers"][0]["counters"], sum(status["totals"]["crm"]["counts"])
        told.append(_Told(counters["decisions"], asked, counters["breaker_opened"], counters["probes"]))
    return told[-1]
