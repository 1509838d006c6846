"""The client against a real Unix socket: answers, refusals, silence, long paths."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fallbackrouter.control.client import command
from fallbackrouter.control.place import MAX_ADDRESS_BYTES, socket_address
from fallbackrouter.core.errors import ControlError

Play = Callable[[socket.socket], object]
Serve = Callable[[Path, Play], None]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Play the service: one connection, handled by a function; everything is closed afterwards."""
    opened: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(data_dir: Path, play: Play) -> None:
        listener = socket.socket(socket.AF_UNIX)
        opened.append(listener)
        with socket_address(data_dir) as address:
            listener.bind(address)
        listener.listen(1)
        listener.settimeout(60)

        def run() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(60)
                play(peer)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(120)
    for one in opened:
        one.close()


def answer(message: dict[str, object]) -> Play:
    def play(peer: socket.socket) -> None:
        peer.recv(65_536)
        peer.sendall(json.dumps(message).encode() + b"\n")

    return play


def test_an_answer_comes_back(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path, answer({"ok": True, "rules": 3}))
    assert command(tmp_path, {"do": "status"}, 10) == {"rules": 3}


def test_a_refusal_is_its_sentence(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path, answer({"ok": False, "error": "there is no such command; ask for help"}))
    with pytest.raises(ControlError, match=r"^there is no such command; ask for help$"):
        command(tmp_path, {"do": "dance"}, 10)


def test_a_data_dir_longer_than_a_socket_address_works(tmp_path: Path, serve: Serve) -> None:
    data_dir = tmp_path / ("d" * 120)
    data_dir.mkdir()
    assert len(str(data_dir)) > MAX_ADDRESS_BYTES
    serve(data_dir, answer({"ok": True}))
    assert command(data_dir, {"do": "status"}, 10) == {}
    assert (data_dir / "control.sock").is_socket()


@pytest.mark.parametrize("there", [True, False])
def test_nothing_listens(tmp_path: Path, there: bool) -> None:
    data_dir = tmp_path if there else tmp_path / "absent"
    with pytest.raises(ControlError, match=r"not running here .* start it with `fallbackrouter serve`"):
        command(data_dir, {"do": "status"}, 10)


def test_a_socket_file_left_over_is_nothing_that_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(tmp_path / "control.sock"))
    with pytest.raises(ControlError, match="not running here"):
        command(tmp_path, {"do": "status"}, 10)


def test_a_silent_service_is_told_of(tmp_path: Path, serve: Serve) -> None:
    done = threading.Event()
    serve(tmp_path, lambda _: done.wait(10))
    with pytest.raises(ControlError, match=r"did not answer 'status' within 0\.2 s"):
        command(tmp_path, {"do": "status"}, 0.2)
    done.set()


def test_a_dripping_service_does_not_stretch_the_time(tmp_path: Path, serve: Serve) -> None:
    done = threading.Event()

    def drip(peer: socket.socket) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked has given up, as he should
            while not done.wait(0.05):
                peer.sendall(b" ")

    serve(tmp_path, drip)
    with pytest.raises(ControlError, match="did not answer"):
        command(tmp_path, {"do": "status"}, 0.4)
    done.set()


def test_a_closing_service_is_told_of(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path, lambda peer: peer.recv(65_536))
    with pytest.raises(ControlError, match="its log says why"):
        command(tmp_path, {"do": "status"}, 10)
