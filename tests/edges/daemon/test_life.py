"""Start and stop of the parent: what is printed, who is refused, what is finished first."""

import json
import re
import signal
import socket
import stat

import pytest

from fallbackrouter.core.errors import ControlError
from tests.fakes.parent import Doubled, Peer, ask
from tests.fakes.service import alive, wait_until


def test_one_line_tells_that_it_is_ready(doubled: Doubled) -> None:
    service = doubled.start(workers=2, crm="https://crm.example").ready()
    assert re.fullmatch(
        r"fallbackrouter 0\.1\.0 ready: agi 127\.0\.0\.1:\d+, 3 rules, 0 routes, crm https://crm\.example\n",
        service.lines[0],
    )
    assert ask(service.port)[1] == 3
    assert service.stop() == 0
    assert service.lines[1:] == []


def test_sigterm_finishes_the_calls_in_hand_and_takes_no_more(doubled: Doubled) -> None:
    service = doubled.start().ready()
    peer = Peer(service.port, "hold 1.5")
    wait_until(lambda: ask(service.port), "a call behind it is answered")
    service.signal(signal.SIGTERM)
    wait_until(lambda: _refused(service.port), "new calls are refused")
    assert peer.answer()[1] == 3
    assert service.wait() == 0


def test_a_call_that_does_not_end_does_not_hold_the_stop(doubled: Doubled) -> None:
    service = doubled.start().ready()
    pids = service.worker_pids()
    peer = Peer(service.port, "hold 600")
    wait_until(lambda: ask(service.port), "a call behind it is answered")
    assert service.command("drain", within_s=0.3) == {"stopping": True}
    assert service.wait() == 0
    assert peer.ends()
    assert not any(alive(pid) for pid in pids)


def test_a_second_sigterm_waits_for_nobody(doubled: Doubled) -> None:
    service = doubled.start().ready()
    peer = Peer(service.port, "hold 600")
    wait_until(lambda: ask(service.port), "a call behind it is answered")
    service.command("drain", within_s=3000)
    service.signal(signal.SIGTERM)
    assert service.wait() == 0
    assert peer.ends()


def test_a_stop_while_it_starts_leaves_nothing_behind(doubled: Doubled) -> None:
    service = doubled.start(fault="slow")
    wait_until(lambda: "control.sock" in [one.name for one in service.data_dir.glob("*")], "the door opens")
    wait_until(lambda: [one for one in service.status()["workers"] if one["state"] == "starting"], "a worker starts")
    pids = [one["pid"] for one in service.status()["workers"]]
    assert service.stop() == 0
    assert service.lines == []
    assert not any(alive(pid) for pid in pids)


def test_stop_over_the_control_socket(doubled: Doubled) -> None:
    service = doubled.start().ready()
    assert service.command("stop") == {"stopping": True}
    assert service.wait() == 0
    assert not (service.data_dir / "control.sock").exists()


def test_the_control_socket_is_its_owners_alone(doubled: Doubled) -> None:
    service = doubled.start().ready()
    mode = (service.data_dir / "control.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_an_unknown_command_is_refused(doubled: Doubled) -> None:
    service = doubled.start().ready()
    with pytest.raises(ControlError, match="there is no such command; there are status, "):
        service.command("dance")
    with pytest.raises(ControlError, match="within_s is a number of seconds"):
        service.command("drain", within_s="soon")
    assert ask(service.port)


def test_hostile_peers_of_the_control_socket_cost_a_connection(doubled: Doubled) -> None:
    service = doubled.start().ready()
    for words in (b"\x00\xff\n", b"[1]\n", b"x" * 100_000 + b"\n", b"", b'{"do":"status"}'):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(30)
            peer.connect(str(service.data_dir / "control.sock"))
            peer.sendall(words)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65_536):
                pass
    assert service.status()["ready"]


def test_the_parent_loads_the_standard_library_only(doubled: Doubled) -> None:
    service = doubled.start().ready()
    assert set(service.status()["foreign_modules"]) <= {"_distutils_hack"}  # which setuptools puts into every process


def test_a_second_daemon_is_refused_and_the_first_serves_on(doubled: Doubled) -> None:
    first = doubled.start().ready()
    second = doubled.again()
    assert second.wait() == 1
    assert f"another fallbackrouter (pid {first.pid}) already serves from {first.data_dir}; stop it" in second.stderr
    assert "Traceback" not in second.stderr
    assert ask(first.port)


def test_a_daemon_follows_a_killed_one_at_once(doubled: Doubled) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first = doubled.start(listen=[f"127.0.0.1:{port}"]).ready()
    first.signal(signal.SIGKILL)
    first.wait()
    second = doubled.again().ready()
    assert ask(port)
    assert second.stop() == 0


@pytest.mark.parametrize(
    ("listen", "sentence"),
    [
        ("192.0.2.1:4573", "is no address of this machine; set agi.listen to one that it has"),
        ("nonsense", "is no address with a port; write one like"),
        ("127.0.0.1:99999", "cannot be listened on"),
    ],
)
def test_an_address_that_cannot_be_listened_on(doubled: Doubled, listen: str, sentence: str) -> None:
    service = doubled.start(listen=[listen])
    assert service.wait() == 1
    assert re.fullmatch(rf"fallbackrouter: agi\.listen: {re.escape(listen)} [^\n]*\n", service.stderr)
    assert sentence in service.stderr


def test_a_port_in_use(doubled: Doubled) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        service = doubled.start(listen=[address])
        assert service.wait() == 1
    assert service.stderr == (
        f"fallbackrouter: agi.listen: {address} is in use by another program; "
        "stop that one, or set agi.listen to a free port\n"
    )


def test_an_http_port_in_use_leaves_no_address_behind(doubled: Doubled) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        service = doubled.start(http_listen=["127.0.0.1:0", address])
        assert service.wait() == 1
    assert f"agi.http_listen: {address} is in use by another program" in service.stderr


def test_a_worker_that_refuses_ends_the_start_with_its_sentence(doubled: Doubled) -> None:
    service = doubled.start(fault="refuse")
    assert service.wait() == 1
    assert service.stderr.endswith("fallbackrouter: the double refuses; give it another configuration\n")
    assert "Traceback" not in service.stderr


def test_a_worker_that_crashes_ends_the_start_after_some_tries(doubled: Doubled) -> None:
    service = doubled.start(fault="crash")
    assert service.wait() == 1
    last = service.stderr.splitlines()[-1]
    assert last == "fallbackrouter: worker 1 cannot be started (exit status 1); the log lines above say why"
    assert "a bug of ours" in service.stderr


def test_a_worker_killed_once_while_it_starts_is_tried_again(doubled: Doubled) -> None:
    service = doubled.start(fault="once").ready()
    assert ask(service.port)[1] == 3


def test_a_configuration_that_cannot_be_read(doubled: Doubled) -> None:
    doubled.config.write_text("{", encoding="utf-8")
    service = doubled.again()
    assert service.wait() == 1
    assert service.stderr == f"fallbackrouter: {doubled.config} is not JSON; correct it\n"


def test_log_lines_are_json_with_what_the_other_processes_have(doubled: Doubled) -> None:
    service = doubled.start().ready()
    service.stop()
    lines = [json.loads(line) for line in service.stderr.splitlines()]
    assert {"event", "level", "process", "at", "room"} <= set(lines[0])
    assert "worker 1 is ready" in [line["event"] for line in lines]


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False
