"""Takes turns between servers, so that whatever else the machine does meets all of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.compiled import Load, Seen

TURN_S = 0.5
WARM, WARM_RUNS = 400, 7
SHORT = 256

Run = Callable[[int, int], Seen]
"""Makes so many calls, so many of them in flight."""
Measure = Callable[[], Seen]
Turn = Mapping[str, Seen]
"""What each server did in one round, by its name."""


def lasting(run: Run, in_flight: int) -> Measure:
    """Warm a server, and return a measure of it whose turns last TURN_S, whatever its rate is.

    A machine that stands still for a moment would else meet the slower one more often.
    """
    rate = median(run(WARM, in_flight).rate for _ in range(WARM_RUNS))
    return partial(run, max(WARM, int(rate * TURN_S)), in_flight)


def short(load: Load, port: int, in_flight: int) -> Measure:
    """Return a measure of a FastAGI server whose turns are so short that some fall between a machine's moments."""
    return partial(load.closed, port, SHORT, in_flight)


def busy(load: Load, port: int, in_flight: int) -> Measure:
    """Return such a measure of a FastAGI server."""
    return lasting(partial(load.closed, port), in_flight)


def take(measures: Mapping[str, Measure], rounds: int) -> list[Turn]:
    """Measure all, round by round; every other round in the other order."""
    ways = (list(measures.items()), list(reversed(list(measures.items()))))
    return [{name: measure() for name, measure in ways[nth % 2]} for nth in range(rounds)]


def rate(turns: Sequence[Turn], name: str) -> float:
    """Return the usual calls per second."""
    return median(turn[name].rate for turn in turns)


def best(turns: Sequence[Turn], name: str) -> float:
    """Return the calls per second of the turn that was disturbed least."""
    return max(turn[name].rate for turn in turns)


def ratio(turns: Sequence[Turn], name: str, other: str) -> float:
    """Return the usual rate as a share of another's, round by round."""
    return median(turn[name].rate / turn[other].rate for turn in turns)


def usual_ms(turns: Sequence[Turn], name: str, percentile: float) -> float:
    """Return the usual time within which that percentage of the calls ended."""
    return median(turn[name].ms(percentile) for turn in turns)


def above_ms(turns: Sequence[Turn], name: str, other: str, percentile: float) -> float:
    """Return by how much it is usually above another's, round by round."""
    return median(turn[name].ms(percentile) - turn[other].ms(percentile) for turn in turns)


def failed(turns: Sequence[Turn]) -> int:
    """Return how many calls got no whole answer."""
    return sum(seen.failed for turn in turns for seen in turn.values())
