"""Connects over known addresses: staggered, the winner remembered, every loser closed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpcore2
import pytest

from fallbackrouter.core.verdict import Hit, Unavailable
from fallbackrouter.crm.network import Network
from fallbackrouter.crm.race import connect_first
from fallbackrouter.crm.stream import Stream
from tests.fakes.calls import call
from tests.fakes.crm import FakeCrm
from tests.fakes.crm_client import crm_client

pytestmark = pytest.mark.anyio

HOST = "crm.example"


class Known:
    """Addresses as a test gives them, and what the network said of them."""

    def __init__(self, *addresses: str) -> None:
        self.known = addresses
        self.preferred: list[str] = []
        self.hastened = 0

    def addresses(self, host: str) -> tuple[str, ...]:
        return self.known if host == HOST else ()

    def prefer(self, host: str, address: str) -> None:
        assert host == HOST
        self.preferred.append(address)

    def hasten(self, host: str) -> None:
        assert host == HOST
        self.hastened += 1


@asynccontextmanager
async def listening(*addresses: str) -> AsyncIterator[int]:
    """Listen on one port of several addresses; give the port."""
    first = socket.create_server((addresses[0], 0), backlog=100)
    port: int = first.getsockname()[1]
    others = [socket.create_server((address, port), backlog=100) for address in addresses[1:]]
    try:
        yield port
    finally:
        for listener in (first, *others):
            listener.close()


async def connect(known: Known, port: int, stagger_s: float = 0.05) -> Stream:
    async with asyncio.timeout(60):
        stream = await Network(known, stagger_s).connect_tcp(HOST, port)
    assert isinstance(stream, Stream)
    return stream


def peer_of(stream: Stream) -> str:
    connected = stream.get_extra_info("socket")
    assert isinstance(connected, socket.socket)
    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    address: str = connected.getpeername()[0]
    return address


async def test_the_first_address_that_takes_the_connection_wins() -> None:
    known = Known("127.0.0.3", "127.0.0.4")
    async with listening("127.0.0.3", "127.0.0.4") as port:
        stream = await connect(known, port, stagger_s=20)
        assert peer_of(stream) == "127.0.0.3"
        await stream.aclose()
    assert known.preferred == ["127.0.0.3"]
    assert known.hastened == 0


async def test_a_refusing_address_makes_room_for_the_next_at_once() -> None:
    known = Known("127.0.0.5", "127.0.0.6", "127.0.0.3")
    async with listening("127.0.0.3") as port:
        stream = await connect(known, port, stagger_s=1000)
        assert peer_of(stream) == "127.0.0.3"
        await stream.aclose()


async def test_a_black_hole_costs_one_stagger_and_its_socket_is_closed(
    black_hole: tuple[str, int], open_descriptors: Callable[[], int]
) -> None:
    hole, port = black_hole
    with socket.create_server(("127.0.0.3", port)):
        before = open_descriptors()
        known = Known(hole, "127.0.0.3")
        stream = await connect(known, port)
        assert peer_of(stream) == "127.0.0.3"
        assert known.preferred == ["127.0.0.3"]
        await stream.aclose()
        await asyncio.sleep(0.05)
        assert open_descriptors() == before


async def test_where_no_address_takes_it_the_best_one_s_error_counts_and_the_name_is_looked_up_soon() -> None:
    known = Known("127.0.0.5", "127.0.0.6")
    async with listening("127.0.0.3") as port:
        with pytest.raises(httpcore2.ConnectError) as failed:
            await connect(known, port)
    assert isinstance(failed.value.args[0], ConnectionRefusedError)
    assert known.hastened == 1
    assert known.preferred == []


async def test_a_host_without_addresses_fails_at_once_and_by_name() -> None:
    known = Known()
    with pytest.raises(httpcore2.ConnectError, match="no address yet"):
        await connect(known, 80)
    assert known.hastened == 0


async def test_a_timeout_and_a_cancelled_connect_both_bring_the_next_look_up_forward(
    black_hole: tuple[str, int], open_descriptors: Callable[[], int]
) -> None:
    hole, port = black_hole
    before = open_descriptors()
    known = Known(hole)
    with pytest.raises(httpcore2.ConnectTimeout):
        await Network(known).connect_tcp(HOST, port, timeout=0.05)
    assert known.hastened == 1
    task = asyncio.create_task(Network(known).connect_tcp(HOST, port))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert known.hastened == 2
    assert open_descriptors() == before


@pytest.mark.parametrize("moment", range(12))
async def test_a_race_cancelled_at_any_turn_of_the_loop_closes_every_socket(
    moment: int, open_descriptors: Callable[[], int]
) -> None:
    async with listening("127.0.0.3", "127.0.0.4", "127.0.0.5") as port:
        before = open_descriptors()
        task = asyncio.create_task(connect_first(["127.0.0.3", "127.0.0.4", "127.0.0.5"], port, stagger_s=0))
        for _ in range(moment):
            await asyncio.sleep(0)
        if not task.cancel():
            task.result()[1].close()
        await asyncio.wait({task})
        for _ in range(10):
            await asyncio.sleep(0)
        assert open_descriptors() == before


async def test_two_winners_at_once_leave_one_socket(open_descriptors: Callable[[], int]) -> None:
    async with listening("127.0.0.3", "127.0.0.4", "127.0.0.5") as port:
        before = open_descriptors()
        for _ in range(20):
            _, connected = await connect_first(["127.0.0.3", "127.0.0.4", "127.0.0.5"], port, stagger_s=0)
            connected.close()
            await asyncio.sleep(0.01)
        assert open_descriptors() == before


async def test_ipv6_is_as_good_and_where_a_machine_has_none_the_reason_says_so() -> None:
    try:
        crm = FakeCrm(host="::1")
    except OSError:
        async with crm_client("http://[::1]:9/") as client:
            assert isinstance((await client.ask(call(), "d", 300)).verdict, Unavailable)
        return
    async with crm, crm_client(f"http://[::1]:{crm.port}/callin/{{stage}}") as client:
        assert isinstance((await client.ask(call(), "d", 300)).verdict, Hit)


async def test_a_client_with_a_dead_and_a_living_address_answers_and_remembers_which_lives() -> None:
    async with FakeCrm() as crm:
        known = {HOST: ["127.0.0.77", "127.0.0.1"]}
        async with crm_client(crm.url_for(HOST), addresses=known) as client:
            assert isinstance((await client.ask(call(), "d", 300)).verdict, Hit)
        async with crm_client(crm.url_for(HOST), addresses={HOST: ["127.0.0.77"]}) as client:
            assert (await client.ask(call(), "d", 300)).verdict == Unavailable("connection refused")
