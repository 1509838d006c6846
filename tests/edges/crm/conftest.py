"""What the CRM's edge tests share: certificates, and counts of what could leak."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.certificates import Authority


@pytest.fixture
def open_descriptors() -> Callable[[], int]:
    return lambda: len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def pki_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """An address and port that drop every SYN: a listener whose queue is full."""
    with socket.create_server(("127.0.0.2", 0), backlog=0) as listener:
        address: tuple[str, int] = listener.getsockname()[:2]
        with socket.create_connection(address):
            yield address
