"""How a cost grows: routers of several sizes that take turns, and what they showed as figures and as a picture."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import sleep

from benchmarks.compiled import Load, Seen
from benchmarks.figures import Figure, Section
from benchmarks.picture import Line, picture

BOUND = 1.5
"""A cost may be so many times what it is at the first size."""
IMAGES = Path(__file__).parent.parent / "docs" / "img"
CALLS = 300
WARM, WARM_IN_FLIGHT = 2_000, 8
TRIES, PAUSE_S = 240, 0.5
CALLERS = 5_000
"""The load generator has so many."""

Dids = Callable[[random.Random], Sequence[str]]
"""Draws whom the calls of a turn are for, in their order."""
Rounds = Sequence[Sequence[float]]
"""A cost at each size, round by round."""


@dataclass(frozen=True)
class Served:
    """A router that has so much to look through.

    Args:
        port: its FastAGI port.
        load: what calls it; its file of numbers is written anew for each turn.
        dids: draws whom they call.
        any_caller: whether it may be any caller who calls; else call n is caller n's in each turn.
    """

    port: int
    load: Load
    dids: Dids
    any_caller: bool = True

    def closed(self, dice: random.Random, calls: int, in_flight: int) -> Seen:
        """Make a turn of calls."""
        self.load.dids.write_text("".join(f"{did}\n" for did in self.dids(dice)))
        first = dice.randrange(CALLERS) if self.any_caller else 0
        return self.load.closed(self.port, calls, in_flight, first)

    def warm(self, dice: random.Random) -> None:
        """Call until all calls are answered as they are meant to be; SystemExit where that never is."""
        for _ in range(TRIES):
            if not self.closed(dice, CALLS, WARM_IN_FLIGHT).failed:
                break
            sleep(PAUSE_S)
        else:
            raise SystemExit("A router gave no such answer as is measured within two minutes: see what it printed.")
        self.closed(dice, WARM, WARM_IN_FLIGHT)


def in_turns(served: Sequence[Served], rounds: int, measure: Callable[[Served], float]) -> Rounds:
    """Measure all of them, round by round, beginning with another one each time."""
    found = []
    for nth in range(rounds):
        turn: dict[int, float] = {}
        for place in range(len(served)):
            which = (place + nth) % len(served)
            turn[which] = measure(served[which])
        found.append([turn[which] for which in range(len(served))])
    return found


class Caller:
    """Makes turns of calls, and counts those that failed."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.failed = 0

    def closed(self, served: Served, calls: int, in_flight: int) -> Seen:
        """Make a turn of calls."""
        seen = served.closed(self._dice, calls, in_flight)
        self.failed += seen.failed
        return seen

    def alone_ms(self, served: Served) -> float:
        """Return the p50 of a turn of calls one at a time."""
        return self.closed(served, CALLS, 1).ms(50)


@dataclass(frozen=True)
class Curve:
    """A cost by size.

    Args:
        what: what costs.
        unit: of the cost.
        rounds: the costs.
        promised: whether it is promised to stay within BOUND.
    """

    what: str
    unit: str
    rounds: Rounds
    promised: bool = True

    def usual(self, place: int) -> float:
        """Return the usual cost at a size."""
        return median(costs[place] for costs in self.rounds)

    def times_first(self, place: int) -> float:
        """Return how many times the first size's it usually is, round by round."""
        return median(costs[place] / costs[0] for costs in self.rounds)

    @property
    def times_first_at_best(self) -> float:
        """Return how many times the first size's least cost the last size's least is."""
        return min(costs[-1] for costs in self.rounds) / min(costs[0] for costs in self.rounds)

    def figures(self, sizes: Sequence[int], noun: str) -> Iterator[Figure]:
        """Yield the cost at each size, and how it grew from the first to the last."""
        for place, size in enumerate(sizes):
            yield Figure(f"{self.what}, {size:,} {noun}", self.usual(place), self.unit)
        grew = f"{self.what}, {sizes[-1]:,} {noun}: times that with {sizes[0]:,}"
        yield Figure(grew, self.times_first(-1), most=BOUND if self.promised else None, better="less")
        yield Figure(f"{grew}, the least disturbed turn of each", self.times_first_at_best, better="less")

    def line(self, sizes: Sequence[int]) -> Line:
        """Return it as a line of a picture."""
        first = f"{self.usual(0):.3g} {self.unit} with {sizes[0]:,}"
        return Line(f"{self.what} ({first})", [(size, self.times_first(place)) for place, size in enumerate(sizes)])


@dataclass(frozen=True)
class Growth:
    """What grew: its name in a file's name, what there was more and more of, and how many of them."""

    name: str
    noun: str
    sizes: Sequence[int]

    def section(self, about: str, curves: Sequence[Curve], failed: int, *, draw: bool) -> Section:
        """Return what was measured; draws docs/img/growth-NAME.svg where it is to be drawn."""
        figures = [figure for curve in curves for figure in curve.figures(self.sizes, self.noun)]
        figures.append(Figure("calls without such an answer", failed, "calls", most=0))
        if draw:
            lines = [curve.line(self.sizes) for curve in curves]
            title = f"Cost of a call by {self.noun}, as times the first"
            file = IMAGES / f"growth-{self.name}.svg"
            file.write_text(picture(title, self.noun, lines, BOUND), encoding="utf-8")
        return Section.of(f"Growth: {self.noun}", about, figures)
