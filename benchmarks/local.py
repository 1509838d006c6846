"""Decisions from local tiers, against a C server that decides nothing and plain panoramisk with a dictionary."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import turns
from benchmarks.compiled import Load, build
from benchmarks.figures import Figure, Section
from benchmarks.ground import Ground, programs
from benchmarks.turns import Turn

IN_FLIGHT = 32
ALONE = 1_000
ROUNDS, ROUNDS_IN_FULL = 11, 41
FLOOR, PLAIN, ONE, TWO = "a C server", "plain panoramisk", "the router", "the router with two workers"
LEAST_OF_FLOOR, LEAST_OF_PLAIN, LEAST_OF_TWO = 0.4, 0.6, 1.0
MOST_P50_MS, MOST_P99_MS = 0.3, 1.0
ABOUT = f"""Calls that a synced route decides, each recorded; {IN_FLIGHT} in flight, then one alone. The C server
decides and records nothing; panoramisk, which records nothing either, looks the number up in a dictionary. Turns of half a second; figures are
medians of turns, ratios and differences of rounds. "At best" is the turn that the machine disturbed least."""


def measure(ground: Ground) -> Section:
    """Measure in turns."""
    folder = ground.folder / "local"
    folder.mkdir()
    load = Load.of(folder, ground.dids(), turns.WORD.format("synced"))
    rounds = ROUNDS_IN_FULL if ground.full else ROUNDS
    with _servers(ground, folder, load) as ports:
        busy = turns.take({name: turns.busy(load, port, IN_FLIGHT) for name, port in ports.items()}, rounds)
        alone = turns.take({name: partial(load.closed, ports[name], ALONE, 1) for name in (FLOOR, PLAIN, ONE)}, rounds)
    return Section.of("Local decisions", ABOUT, [*_rates(busy), *_alone(alone), _failed([*busy, *alone])])


@contextmanager
def _servers(ground: Ground, folder: Path, load: Load) -> Iterator[dict[str, int]]:
    plain = [sys.executable, str(Path(__file__).with_name("dictionary.py")), str(load.dids)]
    peers = [[str(build("server", folder))], plain]
    with (
        programs(peers, folder) as (floor, dictionary),
        ground.router("local-one") as one,
        ground.router("local-two", workers=2) as two,
    ):
        yield {FLOOR: floor, PLAIN: dictionary, ONE: one, TWO: two}


def _rates(busy: Sequence[Turn]) -> Iterator[Figure]:
    for name in (FLOOR, PLAIN, ONE, TWO):
        yield Figure(f"{name}, {IN_FLIGHT} in flight", turns.rate(busy, name), "calls/s")
    for name in (FLOOR, PLAIN, ONE, TWO):
        yield Figure(f"{name}, at best", turns.best(busy, name), "calls/s")
    yield Figure(f"share of {FLOOR}'s rate", turns.ratio(busy, ONE, FLOOR), least=LEAST_OF_FLOOR)
    yield Figure(f"share of {PLAIN}'s rate", turns.ratio(busy, ONE, PLAIN), least=LEAST_OF_PLAIN)
    yield Figure("two workers, share of one's rate", turns.ratio(busy, TWO, ONE), least=LEAST_OF_TWO)
    for name in (FLOOR, PLAIN):
        share = turns.best(busy, ONE) / turns.best(busy, name)
        yield Figure(f"share of {name}'s rate, both at best", share)


def _alone(alone: Sequence[Turn]) -> Iterator[Figure]:
    for name in (FLOOR, PLAIN, ONE):
        yield Figure(f"{name}, a call alone, p50", turns.usual_ms(alone, name, 50), "ms")
        yield Figure(f"{name}, a call alone, p99", turns.usual_ms(alone, name, 99), "ms")
    yield Figure(f"p50 above {FLOOR}'s", turns.above_ms(alone, ONE, FLOOR, 50), "ms", most=MOST_P50_MS)
    yield Figure(f"p99 above {FLOOR}'s", turns.above_ms(alone, ONE, FLOOR, 99), "ms", most=MOST_P99_MS)


def _failed(every: Sequence[Turn]) -> Figure:
    return Figure("calls without a whole answer", turns.failed(every), "calls", most=0)
