"""The floor and the load generator, both in C: built, and let loose on each other."""

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.compiled import Load, build, read
from benchmarks.ground import programs

DIDS = ["74951111111", "74951111112"]
CALLS = 50

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: apt-get install gcc libc6-dev")


def test_what_the_generator_prints_is_read() -> None:
    seen = read("2000000000 1 3500000\n" + "".join(f"{ms * 1_000_000}\n" for ms in (1, 2, 3, 100)))
    assert (seen.rate, seen.failed, seen.latest_ms) == (2.0, 1, 3.5)
    assert [seen.ms(percentile) for percentile in (50, 75, 100)] == pytest.approx([2, 3, 100], rel=0.001)
    assert seen.times.get_total_count() == 4


def test_a_missing_compiler_is_told_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no-such-compiler.*apt-get install gcc"):
        build("server", tmp_path, "no-such-compiler")


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[int]:
    with programs([[str(build("server", tmp_path))]], tmp_path) as (port,):
        yield port


@needs_compiler
def test_every_call_in_a_closed_loop_is_answered(floor: int, tmp_path: Path) -> None:
    seen = Load.of(tmp_path, DIDS, "synced").closed(floor, CALLS, 8)
    assert (seen.times.get_total_count(), seen.failed, seen.latest_ms) == (CALLS, 0, 0)
    assert seen.rate > 0


@needs_compiler
def test_calls_of_an_open_loop_come_at_their_rate(floor: int, tmp_path: Path) -> None:
    seen = Load.of(tmp_path, DIDS, "synced").open(floor, CALLS, 500)
    assert (seen.times.get_total_count(), seen.failed) == (CALLS, 0)
    assert 0 < seen.rate <= 500 * CALLS / (CALLS - 1)


@needs_compiler
def test_an_answer_of_another_source_is_no_answer(floor: int, tmp_path: Path) -> None:
    assert Load.of(tmp_path, DIDS, "live").closed(floor, CALLS, 8).failed == CALLS


@needs_compiler
@pytest.mark.parametrize("in_flight", [1, 8])
def test_calls_that_are_hung_up_on_have_failed_and_end(tmp_path: Path, in_flight: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def hang_up() -> None:
            for _ in range(CALLS):
                door.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        seen = Load.of(tmp_path, DIDS, "synced").closed(door.getsockname()[1], CALLS, in_flight)
        thread.join()
    assert (seen.times.get_total_count(), seen.failed) == (CALLS, CALLS)


@needs_compiler
def test_a_stall_is_seen_by_every_call_that_it_held_up(tmp_path: Path) -> None:
    """The server hangs up only after all calls were to arrive: each one waited since its own moment."""
    per_second, stall_s = 200, 0.5
    with socket.create_server(("127.0.0.1", 0), backlog=CALLS) as door:

        def stall_then_hang_up() -> None:
            first = door.accept()[0]
            threading.Event().wait(stall_s)
            first.close()
            for _ in range(CALLS - 1):
                door.accept()[0].close()

        thread = threading.Thread(target=stall_then_hang_up)
        thread.start()
        seen = Load.of(tmp_path, DIDS, "synced").open(door.getsockname()[1], CALLS, per_second)
        thread.join()
    last_came_s = (CALLS - 1) / per_second
    assert seen.ms(1) >= (stall_s - last_came_s) * 1000 * 0.9
    assert seen.ms(100) >= stall_s * 1000 * 0.9
