"""Faults of our own processes: whoever dies or hangs is replaced, and calls wait in the queue meanwhile."""

import os
import signal
import time

from tests.fakes.parent import Doubled, Peer, ask
from tests.fakes.service import HELD_UP, alive, children_of, wait_until
from tests.proof.machine import PACE

HEARTBEAT_MS = 600 * PACE


def test_a_killed_worker_is_replaced_and_waiting_calls_are_answered(doubled: Doubled) -> None:
    service = doubled.start().ready()
    (pid,) = service.worker_pids()
    os.kill(pid, signal.SIGKILL)
    answered = [ask(service.port)[0] for _ in range(20)]
    assert set(answered) == set(service.worker_pids())
    assert pid not in answered
    assert service.status()["workers"][0]["restarts"] == 1
    wait_until(lambda: "worker 1 ended: killed by SIGKILL" in doubled.incidents, "an incident is kept")
    assert '"reason": "killed by SIGKILL"' in service.stderr


def test_many_deaths_leave_the_parent_as_it_was(doubled: Doubled) -> None:
    service = doubled.start().ready()
    wait_until(lambda: service.status()["background"]["state"] == "ready", "all are there")
    held = _descriptors(service.pid)
    for _ in range(4):
        (pid,) = service.worker_pids()
        os.kill(pid, signal.SIGKILL)
        assert ask(service.port)[0] != pid
    wait_until(lambda: _descriptors(service.pid) <= held, "no descriptor is left behind")


def test_a_stopped_worker_is_replaced_and_waiting_calls_are_answered(doubled: Doubled) -> None:
    service = doubled.start(heartbeat_ms=HEARTBEAT_MS).ready()
    (pid,) = service.worker_pids()
    os.kill(pid, signal.SIGSTOP)
    assert ask(service.port)[0] != pid
    assert not alive(pid)
    wait_until(lambda: "worker 1 hangs: no heartbeat for" in doubled.incidents, "an incident is kept")


def test_a_worker_whose_loop_hangs_shows_where_and_is_replaced(doubled: Doubled) -> None:
    service = doubled.start(heartbeat_ms=HEARTBEAT_MS).ready()
    (pid,) = service.worker_pids()
    hung = Peer(service.port, "spin")
    assert hung.ends()
    assert ask(service.port)[0] != pid
    assert "most recent call first" in service.stderr
    assert "double_children.py" in service.stderr
    assert "in _answer" in service.stderr


def test_one_of_two_workers_frozen_loses_no_new_call(doubled: Doubled) -> None:
    service = doubled.start(workers=2, heartbeat_ms=HEARTBEAT_MS).ready()
    wait_until(lambda: len(service.worker_pids()) == 2, "both are there")
    frozen, other = service.worker_pids()
    os.kill(frozen, signal.SIGSTOP)
    pids = [ask(service.port)[0] for _ in range(50)]
    assert frozen not in pids
    assert other in pids


def test_children_are_gone_after_their_parent_was_killed(doubled: Doubled) -> None:
    service = doubled.start(workers=2).ready()
    peer = Peer(service.port, "hold 0.3")
    wait_until(lambda: ask(service.port), "a call behind it is answered")
    pids = children_of(service.pid)
    assert len(pids) == 3
    service.signal(signal.SIGKILL)
    assert peer.answer()[1] == 3  # a call in hand is finished
    wait_until(lambda: not any(alive(pid) for pid in pids), "the children are gone", within_s=60)


def test_a_child_that_cannot_see_its_parents_death_ends_too(doubled: Doubled) -> None:
    service = doubled.start(workers=2, heartbeat_ms=60_000).ready()
    stopped, spinning = service.worker_pids()
    os.kill(stopped, signal.SIGSTOP)
    peer = Peer(service.port, "spin")
    wait_until(lambda: _cpu_ticks(spinning) > _cpu_ticks(stopped) + 20, "a loop spins")
    service.signal(signal.SIGKILL)
    wait_until(lambda: not alive(stopped), "the stopped one is gone", within_s=60)
    wait_until(lambda: not alive(spinning), "the spinning one is gone", within_s=60)
    assert peer.ends()


def test_a_frozen_tree_serves_on_when_it_thaws(doubled: Doubled) -> None:
    heartbeat_s = 6 if PACE == 1 else 30
    service = doubled.start(heartbeat_ms=heartbeat_s * 1000).ready()
    (pid,) = service.worker_pids()
    try:
        freeze(pid, 0.4)  # so long that no heartbeat of it is still unread when the parent freezes
        freeze(service.pid, heartbeat_s + 1.0)  # longer than a heartbeat may be missed
        peer = Peer(service.port, "who")
        os.kill(service.pid, signal.SIGCONT)
        time.sleep(0.4)  # the parent looks around before the worker runs again
    finally:
        os.kill(service.pid, signal.SIGCONT)
        os.kill(pid, signal.SIGCONT)
    assert peer.answer()[0] == pid
    assert service.status()["workers"][0]["restarts"] == 0
    assert HELD_UP in service.whole_stderr
    assert "hangs" not in service.stderr


def freeze(pid: int, for_s: float) -> None:
    """Stop a process, and return so much later; it is still stopped then."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: _state(pid) == "T", "it is stopped")
    time.sleep(for_s)


def test_a_dead_background_process_is_started_again(doubled: Doubled) -> None:
    service = doubled.start().ready()
    wait_until(lambda: service.status()["background"]["state"] == "ready", "it is there")
    pid = service.status()["background"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: service.status()["background"].get("pid", pid) != pid, "another is there")
    assert service.status()["background"]["restarts"] == 1
    assert ask(service.port)


def test_a_worker_that_was_told_to_end_finishes_first(doubled: Doubled) -> None:
    service = doubled.start().ready()
    (pid,) = service.worker_pids()
    peer = Peer(service.port, "hold 0.5")
    wait_until(lambda: ask(service.port), "a call behind it is answered")
    os.kill(pid, signal.SIGTERM)
    assert peer.answer()[0] == pid
    assert ask(service.port)[0] != pid
    assert '"level": "error"' not in service.stderr


def test_ctrl_c_in_a_terminal_is_one_orderly_stop(doubled: Doubled) -> None:
    service = doubled.start().ready()
    peer = Peer(service.port, "hold 0.5")
    wait_until(lambda: ask(service.port), "a call behind it is answered")
    os.killpg(service.pid, signal.SIGINT)  # as a terminal does, to its foreground group
    assert peer.answer()[1] == 3
    assert service.wait() == 0
    assert "Traceback" not in service.stderr


def test_ctrl_c_while_it_starts_leaves_no_traceback(doubled: Doubled) -> None:
    service = doubled.start()
    wait_until(lambda: children_of(service.pid), "it prepares")
    os.killpg(service.pid, signal.SIGINT)
    assert service.wait() == 0
    assert "Traceback" not in service.stderr


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a folder of /proc


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - a file of /proc
        return stat.read().rpartition(")")[2].split()[0]


def _cpu_ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - a file of /proc
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
