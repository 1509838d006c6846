"""Peers that connect and say nothing, more of them than there is room for: calls are answered all the same."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.fakes.whole import DID, Whole, make_calls, rule

PROGRAM = (
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit})); "
    "from fallbackrouter.cli.main import main; main()"
)


@contextmanager
def room_for(peers: int) -> Iterator[None]:
    """Let this process open as many sockets as the test wants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, peers + 500), hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("limit", "peers"), [(256, 400), (4096, 2000)])
def test_calls_are_answered_beside_silent_peers(whole: Whole, limit: int, peers: int) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start(program=("-c", PROGRAM.format(limit=limit))).ready()
    with room_for(peers), ExitStack() as held:
        for _ in range(peers):
            held.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=30))
        log = make_calls(service.port, 50, 10)
    assert log.without == 0
    assert log.all("FR_SOURCE") == {"fallback"}
    assert len(log.answers) == 50
    after = make_calls(service.port, 20, 5)
    assert after.without == 0
    assert service.stop() == 0
