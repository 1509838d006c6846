"""Servers that take turns, and what is told of them."""

from collections.abc import Callable

from hdrh.histogram import HdrHistogram

from benchmarks import turns
from benchmarks.compiled import DIGITS, LONGEST_NS, Seen


def _seen(rate: float, ms: float = 1.0, failed: int = 0) -> Seen:
    times = HdrHistogram(1, LONGEST_NS, DIGITS)
    times.record_value(int(ms * 1e6))
    return Seen(rate, failed, 0.0, times)


def test_every_other_round_goes_the_other_way() -> None:
    order: list[str] = []

    def measure(name: str) -> Callable[[], Seen]:
        def run() -> Seen:
            order.append(name)
            return _seen(1.0)

        return run

    rounds = turns.take({name: measure(name) for name in "abc"}, 3)
    assert "".join(order) == "abccbaabc"
    assert [sorted(one) for one in rounds] == [["a", "b", "c"]] * 3


def test_ratios_and_differences_are_of_one_round() -> None:
    """A machine that is slower in one round is slower for both."""
    rounds = [
        {"a": _seen(50, 4), "b": _seen(100, 1)},
        {"a": _seen(5, 40), "b": _seen(10, 37)},
        {"a": _seen(9), "b": _seen(9)},
    ]
    assert turns.ratio(rounds, "a", "b") == 0.5
    assert round(turns.above_ms(rounds, "a", "b", 50), 1) == 3.0
    assert turns.rate(rounds, "a") == 9
    assert turns.best(rounds, "b") == 100


def test_calls_that_failed_count_whoever_failed_them() -> None:
    assert turns.failed([{"a": _seen(1, failed=2), "b": _seen(1)}, {"a": _seen(1), "b": _seen(1, failed=3)}]) == 5


def test_a_turn_lasts_as_long_whatever_the_rate_is() -> None:
    """The usual one of the first runs tells the rate: in some the machine stood still, in some it hurried."""
    rates = iter([500.0, 10.0, 10_000.0, 3.0, 2_000.0, 2_200.0, 1_900.0, 777.0])
    asked: list[tuple[int, int]] = []

    def run(calls: int, in_flight: int) -> Seen:
        asked.append((calls, in_flight))
        return _seen(next(rates))

    measure = turns.lasting(run, 32)
    assert measure().rate == 777
    assert asked == [(turns.WARM, 32)] * turns.WARM_RUNS + [(int(1_900 * turns.TURN_S), 32)]
