"""Look-ups in the background, against a name server on loopback that can be silent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.verdict import Hit
from fallbackrouter.crm.resolver import Resolver
from tests.fakes.calls import call
from tests.fakes.crm import FakeCrm
from tests.fakes.crm_client import crm_client
from tests.fakes.dns import FakeDns
from tests.fakes.until import until

pytestmark = pytest.mark.anyio

HOST = "crm.example"
Saved = list[tuple[str, tuple[str, ...], float, datetime]]


@asynccontextmanager
async def resolving(dns: FakeDns, saved: Saved | None = None) -> AsyncIterator[Resolver]:
    """Give a resolver that asks this name server alone and watches HOST; it is not started."""
    resolver = Resolver(
        clock=SystemClock(),
        max_stale_s=3600,
        nameservers=[dns.address],
        on_change=None if saved is None else lambda *fields: saved.append(fields),
    )
    resolver.watch(HOST)
    try:
        yield resolver
    finally:
        await resolver.close()


async def test_a_watched_name_is_known_soon_after_the_start_and_told_of() -> None:
    saved: Saved = []
    async with FakeDns({HOST: ["127.0.0.1", "::1"]}, ttl_s=60) as dns, resolving(dns, saved) as resolver:
        assert resolver.addresses(HOST) == ()
        await resolver.start()
        await until(lambda: resolver.addresses(HOST))
        assert set(resolver.addresses(HOST)) == {"127.0.0.1", "::1"}
        assert resolver.addresses("other.example") == ()
        assert [(host, set(addresses), ttl_s) for host, addresses, ttl_s, _ in saved] == [
            (HOST, {"127.0.0.1", "::1"}, 60)
        ]
        assert abs(saved[0][3] - SystemClock().now_at()) < timedelta(seconds=20)


async def test_a_start_may_wait_for_the_first_look_up_but_not_for_ever() -> None:
    async with FakeDns({HOST: ["127.0.0.1"]}) as dns, resolving(dns) as resolver:
        await resolver.start()
        await resolver.settle(20)
        assert resolver.addresses(HOST) == ("127.0.0.1",)
        await resolver.settle(20)
    async with FakeDns({}, mode="nxdomain") as dns, resolving(dns) as resolver:
        await resolver.start()
        await resolver.settle(20)
        assert dns.asked[HOST] >= 2
    async with FakeDns({}, mode="silent") as dns, resolving(dns) as resolver:
        await resolver.start()
        await resolver.settle(0.05)
        assert resolver.addresses(HOST) == ()


async def test_a_name_watched_after_the_start_is_looked_up_too() -> None:
    async with FakeDns({HOST: ["127.0.0.1"], "late.example": ["127.0.0.9"]}) as dns, resolving(dns) as resolver:
        await resolver.start()
        resolver.watch("late.example")
        await until(lambda: resolver.addresses("late.example"))
        assert resolver.addresses("late.example") == ("127.0.0.9",)


async def test_the_hosts_file_is_honoured_and_literals_need_no_look_up() -> None:
    async with FakeDns({}, mode="silent") as dns, resolving(dns) as resolver:
        resolver.watch("localhost")
        resolver.watch("127.0.0.7")
        await resolver.start()
        await until(lambda: resolver.addresses("localhost"))
        assert set(resolver.addresses("localhost")) & {"127.0.0.1", "::1"}
        assert resolver.addresses("127.0.0.7") == ("127.0.0.7",)
        assert "127.0.0.7" not in dns.asked
        assert "localhost" not in dns.asked


async def test_a_name_server_that_fails_later_takes_no_address_away_and_is_asked_again() -> None:
    async with FakeDns({HOST: ["127.0.0.1"]}, ttl_s=1) as dns, resolving(dns) as resolver:
        await resolver.start()
        await until(lambda: resolver.addresses(HOST))
        dns.mode = "silent"
        before = dns.asked[HOST]
        await until(lambda: dns.asked[HOST] >= before + 4)
        assert resolver.addresses(HOST) == ("127.0.0.1",)


@pytest.mark.parametrize("mode", ["silent", "servfail", "nxdomain", "garbage"])
async def test_no_kind_of_failure_takes_an_address_away(mode: str) -> None:
    async with FakeDns({HOST: ["127.0.0.1"]}, mode=mode) as dns, resolving(dns) as resolver:
        resolver.seed(HOST, ["127.0.0.1"], SystemClock().now_at())
        await resolver.start()
        await until(lambda: dns.asked[HOST] >= 3)
        assert resolver.addresses(HOST) == ("127.0.0.1",)


@pytest.mark.parametrize("mode", ["silent", "servfail", "nxdomain"])
async def test_a_cold_start_without_a_name_server_recovers_by_itself(mode: str) -> None:
    async with FakeDns({HOST: ["127.0.0.1"]}, mode=mode) as dns, resolving(dns) as resolver:
        await resolver.start()
        await until(lambda: dns.asked[HOST] >= 2)
        assert resolver.addresses(HOST) == ()
        dns.mode = "ok"
        await until(lambda: resolver.addresses(HOST))


async def test_saved_addresses_serve_a_cold_start_and_a_new_answer_replaces_them() -> None:
    saved: Saved = []
    async with FakeDns({HOST: ["127.0.0.2"]}, mode="silent") as dns, resolving(dns, saved) as resolver:
        resolver.seed(HOST, ["127.0.0.1"], SystemClock().now_at() - timedelta(minutes=10))
        await resolver.start()
        assert resolver.addresses(HOST) == ("127.0.0.1",)
        age_s = resolver.age_s(HOST)
        assert age_s is not None
        assert 600 <= age_s < 700
        dns.mode = "ok"
        await until(lambda: resolver.addresses(HOST) == ("127.0.0.2",))
        assert saved[0][1] == ("127.0.0.2",)


async def test_saved_addresses_that_are_confirmed_are_saved_anew() -> None:
    saved: Saved = []
    async with FakeDns({HOST: ["127.0.0.1"]}) as dns, resolving(dns, saved) as resolver:
        resolver.seed(HOST, ["127.0.0.1"], SystemClock().now_at() - timedelta(minutes=10))
        await resolver.start()
        await until(lambda: saved)
        assert saved[0][1] == ("127.0.0.1",)


async def test_a_listener_that_fails_does_not_end_the_look_ups() -> None:
    def fail(*_fields: object) -> None:
        raise RuntimeError("the journal is closed")

    async with FakeDns({HOST: ["127.0.0.1"]}) as dns:
        resolver = Resolver(clock=SystemClock(), max_stale_s=60, nameservers=[dns.address], on_change=fail)
        resolver.watch(HOST)
        await resolver.start()
        await until(lambda: dns.asked[HOST] >= 4)
        assert resolver.addresses(HOST) == ("127.0.0.1",)
        await resolver.close()


async def test_closing_leaves_no_look_up_behind(open_descriptors: Callable[[], int]) -> None:
    async with FakeDns({}, mode="silent") as dns:
        before = open_descriptors()
        async with resolving(dns) as resolver:
            for number in range(100):
                resolver.watch(f"n{number}.example")
            await resolver.start()
            await until(lambda: len(dns.asked) > 50)
            await resolver.close()
            assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("resolve ")]
        await until(lambda: open_descriptors() <= before)


@pytest.mark.parametrize("host", ["", "..", "a b", "x" * 300, "no-such-name.invalid"])
async def test_a_name_that_cannot_be_looked_up_is_simply_unknown(host: str) -> None:
    async with FakeDns({}) as dns, resolving(dns) as resolver:
        resolver.watch(host)
        await resolver.start()
        await until(lambda: dns.asked[HOST] >= 2)
        assert resolver.addresses(host) == ()


async def test_an_address_that_takes_no_connection_brings_the_next_look_up_forward() -> None:
    async with FakeCrm() as crm, FakeDns({HOST: ["127.0.0.1"]}, ttl_s=300) as dns, resolving(dns) as resolver:
        resolver.seed(HOST, ["127.0.0.250"], SystemClock().now_at())
        await resolver.start()
        await until(lambda: resolver.addresses(HOST) == ("127.0.0.1",))
        asked = dns.asked[HOST]
        dns.records[HOST] = ["127.0.0.5"]
        resolver.hasten(HOST)
        await until(lambda: dns.asked[HOST] > asked)
        assert crm.accepted == 0


async def test_a_question_never_waits_for_a_look_up() -> None:
    """The default executor, where one stuck look-up stalls all others, is not even there."""
    async with (
        FakeCrm() as crm,
        FakeDns({}, mode="silent") as dns,
        resolving(dns) as resolver,
        crm_client(crm.url_for("localhost"), addresses={"localhost": ["127.0.0.1"]}) as client,
    ):
        for number in range(200):
            resolver.watch(f"n{number}.example")
        await resolver.start()
        await until(lambda: len(dns.asked) > 50)
        for _ in range(20):
            assert isinstance((await client.ask(call(), "d", 300)).verdict, Hit)
        assert getattr(asyncio.get_running_loop(), "_default_executor", None) is None
