"""What the examination's tests share: certificates, and an installation in a folder of its own."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.certificates import Authority
from tests.fakes.examined import Examined


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """An address and port that drop every SYN: a listener whose queue is full."""
    with socket.create_server(("127.0.0.2", 0), backlog=0) as listener:
        address: tuple[str, int] = listener.getsockname()[:2]
        with socket.create_connection(address):
            yield address
