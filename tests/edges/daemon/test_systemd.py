"""What systemd is told, and what is taken from it."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fallbackrouter.daemon.notify import Notifier
from tests.fakes.parent import Doubled, ask
from tests.fakes.service import children_of, wait_until


class Manager:
    """Plays systemd's end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(30)

    def hear(self) -> list[str]:
        """Return the states of the next message."""
        return self.socket.recv(65_536).decode().split("\n")

    def hear_until(self, state: str) -> list[str]:
        """Return everything said until a state was told."""
        heard: list[str] = []
        for _ in range(1000):
            heard += self.hear()
            if state in heard:
                return heard
        raise AssertionError(f"{state} was not told: {heard[-10:]}")

    def forget(self) -> None:
        """Throw away what was said so far."""
        self.socket.settimeout(0)
        try:
            for _ in range(1000):
                self.hear()
        except BlockingIOError:
            self.socket.settimeout(30)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    played = Manager(str(tmp_path / "notify"))
    yield played
    played.socket.close()


def test_ready_then_watchdog_then_stopping(doubled: Doubled, manager: Manager, tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    service = doubled.start(environ).ready()
    heard = manager.hear_until("READY=1")
    assert f"MAINPID={service.pid}" in heard
    assert any(state.startswith("STATUS=agi 127.0.0.1:") for state in heard)
    manager.hear_until("WATCHDOG=1")
    service.signal(signal.SIGTERM)
    manager.hear_until("STOPPING=1")
    assert service.wait() == 0


def test_no_ready_before_a_worker_serves(doubled: Doubled, manager: Manager, tmp_path: Path) -> None:
    service = doubled.start({"NOTIFY_SOCKET": str(tmp_path / "notify")}, fault="slow")
    wait_until(lambda: len(children_of(service.pid)) >= 2, "children are being started")
    service.stop()
    assert manager.hear() == ["STOPPING=1"]


def test_no_watchdog_ping_while_no_worker_serves(doubled: Doubled, manager: Manager, tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    service = doubled.start(environ, heartbeat_ms=60_000).ready()
    manager.hear_until("WATCHDOG=1")
    doubled.configure(fault="crash")
    (pid,) = service.worker_pids()
    (doubled.folder / "rules.txt").unlink()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not service.status()["healthy"], "nobody serves")
    manager.forget()
    manager.socket.settimeout(1.0)
    with pytest.raises(TimeoutError):
        manager.hear()
    (doubled.folder / "rules.txt").write_text("one", encoding="utf-8")
    manager.socket.settimeout(30)
    manager.hear_until("WATCHDOG=1")


def test_children_do_not_speak_to_systemd(doubled: Doubled, manager: Manager, tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000", "WATCHDOG_PID": ""}
    service = doubled.start(environ).ready()
    (pid,) = service.worker_pids()
    given = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"NOTIFY_SOCKET" not in given
    assert b"WATCHDOG" not in given


def test_an_abstract_socket_is_spoken_to() -> None:
    manager = Manager(f"\0fallbackrouter-test-{os.getpid()}")
    notifier = Notifier({"NOTIFY_SOCKET": f"@fallbackrouter-test-{os.getpid()}"})
    notifier.say("READY=1", "STATUS=good")
    assert manager.hear() == ["READY=1", "STATUS=good"]
    notifier.close()
    manager.socket.close()


def test_a_busy_manager_hears_later_what_it_could_not_take(tmp_path: Path, manager: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    pinged = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text(encoding="ascii")) + 10
    for _ in range(pinged):
        notifier.say("WATCHDOG=1")
    notifier.say("READY=1", "STATUS=starting")
    notifier.say("WATCHDOG=1")
    notifier.say("STATUS=good")
    notifier.again()
    manager.forget()
    notifier.again()
    notifier.again()
    assert manager.hear() == ["READY=1", "STATUS=good"]
    manager.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        manager.hear()
    notifier.close()


def test_nobody_listens() -> None:
    silent = Notifier({})
    silent.say("READY=1")
    gone = Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"})
    gone.say("READY=1")
    gone.close()
    assert silent.watchdog_s is None


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(environ: dict[str, str], watchdog_s: float | None) -> None:
    assert Notifier(dict(environ)).watchdog_s == watchdog_s


def test_a_socket_of_systemd_is_taken_and_outlives_a_restart(doubled: Doubled) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        doubled.configure(listen=[f"127.0.0.1:{port}"])
        first = doubled.again(listener=listener).ready()
        assert first.port == port
        assert ask(port)[1] == 3
        assert first.stop() == 0
        waiting = socket.create_connection(("127.0.0.1", port), 30)  # between the two, a call waits
        second = doubled.again(listener=listener).ready()
        waiting.sendall(b"who\n")
        assert waiting.recv(100).endswith(b" 3 \n")
        waiting.close()
        assert second.stop() == 0


def test_a_socket_of_systemd_serves_http_where_that_is_its_address(doubled: Doubled) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        doubled.configure(listen=["127.0.0.1:0"], http_listen=[f"127.0.0.1:{port}"])
        service = doubled.again(listener=listener).ready()
        assert service.http_port == port
        with socket.create_connection(("127.0.0.1", port), 30) as peer:
            assert peer.recv(100).startswith(b"http ")
        assert ask(service.port)[1] == 3
        assert "is let go" not in service.stderr
        assert service.stop() == 0


def test_a_socket_that_is_not_configured_is_let_go(doubled: Doubled) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        doubled.configure(listen=["127.0.0.1:0"])
        service = doubled.again(listener=listener).ready()
        assert service.port != listener.getsockname()[1]
        assert "an address that the configuration does not name is let go" in service.stderr
