"""Calls that arrive at a fixed rate, whatever becomes of those before: an open loop at half of the router's capacity."""

from collections.abc import Iterator
from statistics import median

from benchmarks import turns
from benchmarks.compiled import Load, Seen, build
from benchmarks.figures import Figure, Section
from benchmarks.ground import Ground, programs

IN_FLIGHT = 32
ROUNDS = 7
SHARE = 0.5
LASTS_S, LASTS_IN_FULL_S = 10, 60
PERCENTILES = (50, 90, 99, 99.9, 100)
MOST_MS = {99.9: 5.0, 100: 50.0}
ABOUT = """Calls that a synced route decides arrive at half of the rate at which {in_flight} in flight were just
answered, for {lasts_s} s. Each one's time is counted from the moment at which it was to arrive, so that a stall is seen by every
call that it held up. The same calls to a C server that decides nothing show what of it is the machine's and the
generator's own doing."""


def measure(ground: Ground) -> Section:
    """Measure the capacity, then the floor and the router at half of it."""
    folder = ground.folder / "open"
    folder.mkdir()
    load = Load.of(folder, ground.dids(), turns.WORD.format("synced"))
    lasts_s = LASTS_IN_FULL_S if ground.full else LASTS_S
    with ground.router("open-router") as router, programs([[str(build("server", folder))]], folder) as (floor,):
        run = turns.busy(load, router, IN_FLIGHT)
        capacity = [run() for _ in range(ROUNDS)]
        per_second = SHARE * median(seen.rate for seen in capacity)
        calls = int(per_second * lasts_s)
        below, ours = load.open(floor, calls, per_second), load.open(router, calls, per_second)
    failed = sum(seen.failed for seen in (*capacity, below, ours))
    figures = [
        Figure(f"the router, {IN_FLIGHT} in flight", per_second / SHARE, "calls/s"),
        Figure("arrivals", per_second, "calls/s"),
        *_times("a C server", below, {}),
        *_times("the router", ours, MOST_MS),
        Figure("calls without a whole answer", failed, "calls", most=0),
    ]
    return Section.of("A fixed rate of calls", ABOUT.format(in_flight=IN_FLIGHT, lasts_s=lasts_s), figures)


def _times(name: str, seen: Seen, most_ms: dict[float, float]) -> Iterator[Figure]:
    for percentile in PERCENTILES:
        what = "the slowest" if percentile == PERCENTILES[-1] else f"p{percentile:g}"
        yield Figure(f"{name}, {what}", seen.ms(percentile), "ms", most=most_ms.get(percentile))
    yield Figure(f"{name}: the generator was behind its plan by up to", seen.latest_ms, "ms")
