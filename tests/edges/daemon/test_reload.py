"""Taking over new rules and a new configuration while calls go on; what is bad leaves the old one serving."""

import signal
import socket
import threading

import pytest

from fallbackrouter.core.errors import ControlError
from tests.fakes.parent import Doubled, Peer, ask
from tests.fakes.service import alive, children_of, wait_until


def test_sighup_swaps_rules_in_place(doubled: Doubled) -> None:
    service = doubled.start(workers=2).ready()
    pids = service.worker_pids()
    (doubled.folder / "rules.txt").write_text("one two three four five", encoding="utf-8")
    service.signal(signal.SIGHUP)
    wait_until(lambda: {ask(service.port)[1] for _ in range(10)} == {5}, "new rules serve")
    assert service.worker_pids() == pids
    wait_until(lambda: '"config": "unchanged"' in service.stderr, "it is told of")


def test_rules_changed_tells_how_many_serve(doubled: Doubled) -> None:
    service = doubled.start(workers=2).ready()
    (doubled.folder / "rules.txt").write_text("one", encoding="utf-8")
    assert service.command("rules_changed") == {"rules": 1}
    assert ask(service.port)[1] == 1
    wait_until(lambda: service.status()["rules"] == 1, "the status tells it too")
    assert service.command("routes_changed") == {"routes": 1}


def test_a_worker_that_cannot_take_rules_is_told_of(doubled: Doubled) -> None:
    service = doubled.start().ready()
    (doubled.folder / "rules.txt").unlink()
    with pytest.raises(ControlError, match="FileNotFoundError"):
        service.command("rules_changed")
    assert ask(service.port)[1] == 3


def test_the_background_process_applies_and_all_workers_follow(doubled: Doubled) -> None:
    service = doubled.start(workers=2).ready()
    wait_until(lambda: service.status()["background"]["state"] == "ready", "it is there")
    assert service.command("apply") == {"changed": True, "problems": [], "rules": 4}
    wait_until(lambda: '"event": "new rules serve"' in service.stderr, "its own word is heeded too")


def test_a_changed_configuration_replaces_workers_without_losing_a_call(doubled: Doubled) -> None:
    service = doubled.start(workers=2, mark="old").ready()
    before = service.worker_pids()
    port = service.port
    peer = Peer(port, "hold 1")
    wait_until(lambda: ask(port), "a call behind it is answered")
    marks: list[str] = []
    failed: list[OSError] = []
    done = threading.Event()

    def call_on() -> None:
        while not done.is_set():
            try:
                marks.append(ask(port)[2])
            except OSError as error:
                failed.append(error)

    caller = threading.Thread(target=call_on)
    caller.start()
    try:
        doubled.configure(workers=2, mark="new")
        service.signal(signal.SIGHUP)
        wait_until(lambda: '"config": "changed"' in service.stderr, "it is told of")
        wait_until(lambda: marks[-20:] == ["new"] * 20, "all calls go to new workers")
    finally:
        done.set()
        caller.join()
    assert failed == []
    assert marks[0] == "old"
    assert peer.answer()[2] == "old"
    assert not set(before) & set(service.worker_pids())
    wait_until(lambda: not any(alive(pid) for pid in before), "the old workers are gone")


def test_more_workers_and_fewer(doubled: Doubled) -> None:
    service = doubled.start(workers=1).ready()
    doubled.configure(workers=3)
    assert service.command("reload")["config"] == "changed"
    assert len(service.worker_pids()) == 3
    doubled.configure(workers=1)
    service.command("reload")
    (pid,) = service.worker_pids()
    assert {ask(service.port)[0] for _ in range(20)} == {pid}
    assert len(children_of(service.pid)) == 2


def test_another_address_is_opened_and_the_old_one_closed(doubled: Doubled) -> None:
    service = doubled.start(listen=["127.0.0.1:0"]).ready()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    doubled.configure(listen=["127.0.0.1:0", f"127.0.0.1:{port}"])
    service.command("reload")
    assert ask(service.port)[1] == ask(port)[1] == 3
    doubled.configure(listen=[f"127.0.0.1:{port}"])
    service.command("reload")
    assert ask(port)[1] == 3
    with pytest.raises(ConnectionRefusedError):
        ask(service.port)


def test_a_bad_configuration_leaves_the_old_one_serving(doubled: Doubled) -> None:
    service = doubled.start(mark="old").ready()
    pids = service.worker_pids()
    doubled.config.write_text("{", encoding="utf-8")
    service.signal(signal.SIGHUP)
    wait_until(lambda: "is not JSON; correct it" in service.stderr, "it is told of")
    assert ask(service.port) == (pids[0], 3, "old")
    with pytest.raises(ControlError, match="is not JSON; correct it"):
        service.command("reload")


@pytest.mark.parametrize("fault", ["refuse", "crash"])
def test_a_configuration_that_no_worker_starts_with_leaves_the_old_one(doubled: Doubled, fault: str) -> None:
    service = doubled.start(mark="old").ready()
    pids = service.worker_pids()
    doubled.configure(mark="new", fault=fault)
    with pytest.raises(ControlError, match="no worker starts with the new configuration"):
        service.command("reload")
    assert ask(service.port) == (pids[0], 3, "old")
    assert len(children_of(service.pid)) == 2


def test_a_taken_port_leaves_the_old_addresses(doubled: Doubled) -> None:
    service = doubled.start().ready()
    with socket.create_server(("127.0.0.1", 0)) as other:
        doubled.configure(listen=["127.0.0.1:0", f"127.0.0.1:{other.getsockname()[1]}"])
        with pytest.raises(ControlError, match="in use by another program"):
            service.command("reload")
    assert ask(service.port)[1] == 3


def test_another_data_dir_needs_a_restart(doubled: Doubled) -> None:
    service = doubled.start().ready()
    doubled.configure(data_dir="elsewhere")
    with pytest.raises(ControlError, match=r"data_dir cannot change while the service runs .*; restart it"):
        service.command("reload")
    assert ask(service.port)[1] == 3


def test_a_stop_amid_a_replacement_leaves_nothing_behind(doubled: Doubled) -> None:
    service = doubled.start(workers=2).ready()
    doubled.configure(workers=2, fault="slow")
    service.signal(signal.SIGHUP)
    wait_until(lambda: len(children_of(service.pid)) == 4, "a new worker is being started")
    pids = children_of(service.pid)
    assert service.stop() == 0
    assert not any(alive(pid) for pid in pids)


def test_a_worker_that_dies_amid_a_replacement_is_replaced(doubled: Doubled) -> None:
    service = doubled.start(mark="old").ready()
    peer = Peer(service.port, "die")
    doubled.configure(mark="new")
    assert service.command("reload")["config"] == "changed"
    assert peer.ends()
    wait_until(lambda: ask(service.port)[2] == "new", "the new configuration serves")
    assert len(children_of(service.pid)) == 2
