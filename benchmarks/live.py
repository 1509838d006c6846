"""Answers of a live CRM on the same machine, against the HTTP client that asks it, in a loop with nothing around it."""

import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from benchmarks import bare, turns
from benchmarks.compiled import Load
from benchmarks.figures import Figure, Section
from benchmarks.ground import Ground, programs
from benchmarks.turns import Turn

IN_FLIGHT = 32
ROUNDS, ROUNDS_IN_FULL = 11, 41
PER_SECOND = 50
LASTS_S, LASTS_IN_FULL_S = 10, 60
PATIENCE_S = 30
ROUTER, CLIENT, SOCKETS = "the router", "the bare HTTP client", "plain sockets"
OWN = "the router's own way of asking, alone"
LEAST_RATE, MOST_MS = 0.7, 1.5
ABOUT = f"""Calls that the live CRM decides, each recorded, {IN_FLIGHT} in flight over kept connections, with a router's
usual settings. The CRM is a process of its own that answers at once. The bare client is httpx2's, over the router's
network and with its settings, in a loop that does nothing else; the router's own way of asking, a pool of its own with
httptools, is shown alone as well, and plain sockets show that the CRM is not what is measured.
Turns of half a second; figures are medians of turns, ratios of rounds. Then {PER_SECOND} calls/s arrive at a fixed
rate; the CRM's own answer time is what it takes itself from a question's last byte to its answer, so that the loopback
interface and the HTTP client count as the router's."""


def measure(ground: Ground) -> Section:
    """Measure rates in turns, then calls that arrive at a fixed rate."""
    folder = ground.folder / "live"
    folder.mkdir()
    load = Load.of(folder, ground.dids(), "live")
    lasts_s = LASTS_IN_FULL_S if ground.full else LASTS_S
    with programs([[sys.executable, str(Path(__file__).with_name("crm.py"))]], folder) as (crm,):
        url = f"http://127.0.0.1:{crm}/init"
        with ground.router("live-router", more=f'[crm]\nurl = "http://127.0.0.1:{crm}/{{stage}}"\n') as router:
            measures = {
                ROUTER: turns.busy(load, router, IN_FLIGHT),
                CLIENT: turns.lasting(partial(bare.closed, url), IN_FLIGHT),
                OWN: turns.lasting(partial(bare.own, url), IN_FLIGHT),
                SOCKETS: turns.lasting(partial(bare.plain, crm), IN_FLIGHT),
            }
            rounds = turns.take(measures, ROUNDS_IN_FULL if ground.full else ROUNDS)
            _took_ms(crm)
            steady = {ROUTER: load.open(router, PER_SECOND * lasts_s, PER_SECOND)}
            took_ms = _took_ms(crm)
            steady[CLIENT] = bare.steady(url, PER_SECOND * lasts_s, PER_SECOND)
    return Section.of("Live answers", ABOUT, [*_rates(rounds), *_times(steady, took_ms), _failed([*rounds, steady])])


def _rates(rounds: Sequence[Turn]) -> Iterator[Figure]:
    for name in (SOCKETS, OWN, CLIENT, ROUTER):
        yield Figure(f"{name}, {IN_FLIGHT} in flight", turns.rate(rounds, name), "calls/s")
    for name in (SOCKETS, OWN, CLIENT, ROUTER):
        yield Figure(f"{name}, at best", turns.best(rounds, name), "calls/s")
    yield Figure(f"share of {CLIENT}'s rate", turns.ratio(rounds, ROUTER, CLIENT), least=LEAST_RATE)
    yield Figure(f"share of the rate of {OWN}", turns.ratio(rounds, ROUTER, OWN))
    yield Figure(f"share of {CLIENT}'s rate, both at best", turns.best(rounds, ROUTER) / turns.best(rounds, CLIENT))


def _times(steady: Turn, took_ms: float) -> Iterator[Figure]:
    yield Figure(f"{PER_SECOND} calls/s: the CRM's own answer time, p50", took_ms, "ms")
    for name in (CLIENT, ROUTER):
        for percentile in (50, 99):
            yield Figure(f"{PER_SECOND} calls/s: {name}, p{percentile}", steady[name].ms(percentile), "ms")
    yield Figure("p50 above the CRM's own answer time", steady[ROUTER].ms(50) - took_ms, "ms", most=MOST_MS)


def _failed(every: Sequence[Turn]) -> Figure:
    return Figure("calls without a whole live answer", turns.failed(every), "calls", most=0)


def _took_ms(port: int) -> float:
    """Return the CRM's own median since it was last asked for it."""
    with urlopen(f"http://127.0.0.1:{port}/took", timeout=PATIENCE_S) as answer:
        return float(json.load(answer)["ms"])
