"""Requests of our own against a CRM on loopback: probes of both kinds, and connections kept warm."""

import asyncio

import pytest

from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, Unavailable
from fallbackrouter.crm.client import TEST_NUMBER
from tests.fakes.crm import FakeCrm
from tests.fakes.crm_client import crm_client

pytestmark = pytest.mark.anyio

SAFETY_S = 20
TOKEN = "t"  # noqa: S105 - a token of a test's own


def health(crm: FakeCrm) -> str:
    return f"http://{crm.host}:{crm.port}/health"


async def test_a_probe_is_a_question_that_is_marked_as_a_test() -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert isinstance(await client.probe("d-1", 300), Hit)
        body = crm.requests[0].body
    assert body is not None
    assert (body["test"], body["phonenumber"], body["callerid"], body["id"]) == (True, TEST_NUMBER, "", "")
    assert (body["budget_ms"], body["decision"]) == (300, "d-1")


@pytest.mark.parametrize(
    ("mode", "kind"), [("miss", Miss), ("404", Miss), ("500", Unavailable), ("html", Invalid), ("close", Unavailable)]
)
async def test_a_probe_ends_as_a_calls_question_would(mode: str, kind: type) -> None:
    async with FakeCrm(mode=mode) as crm, crm_client(crm.url) as client:
        assert isinstance(await client.probe("d-1", 300), kind)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("ok", Miss),
        ("html", Miss),
        ("204", Miss),
        ("huge", Miss),
        ("404", Unavailable),
        ("500", Unavailable),
        ("401", Unavailable),
        ("redirect", Unavailable),
        ("close", Unavailable),
        ("garbage", Unavailable),
    ],
)
async def test_a_probe_url_is_fetched_and_any_2xx_will_do(mode: str, kind: type) -> None:
    async with FakeCrm(mode=mode) as crm, crm_client(crm.url, probe_url=health(crm), token=TOKEN) as client:
        async with asyncio.timeout(SAFETY_S):
            assert isinstance(await client.probe("d-1", 300), kind)
        request = crm.requests[0]
    assert (request.method, request.path) == ("GET", "/health")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_probe_that_hangs_can_be_cut_off_and_leaves_nothing_open() -> None:
    async with FakeCrm(mode="hang") as crm, crm_client(crm.url, probe_url=health(crm)) as client:
        probing = asyncio.create_task(client.probe("d-1", 300))
        async with asyncio.timeout(SAFETY_S):
            while not crm.met["hang"]:
                await asyncio.sleep(0.01)
        probing.cancel()
        await asyncio.wait({probing})
        assert client.open_connections == 0
        crm.mode = "ok"
        assert isinstance(await client.probe("d-2", 300), Miss)


async def test_without_an_address_a_probe_says_nothing_about_the_crm() -> None:
    url = "http://crm.example:1/{stage}"
    async with crm_client(url, probe_url="http://crm.example:1/health") as client:
        assert isinstance(await client.probe("d-1", 300), Skipped)
    async with crm_client(url) as client:
        assert isinstance(await client.probe("d-1", 300), Skipped)


async def test_two_at_once_keep_two_connections_warm() -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        for _ in range(3):
            assert set(await asyncio.gather(client.warm(), client.warm())) == {""}
        assert client.open_connections == 2
        assert crm.accepted == 2
        replies = await asyncio.gather(*[client.probe(f"d-{n}", 300) for n in range(2)])
        assert all(isinstance(reply, Hit) for reply in replies)
        assert crm.accepted == 2


async def test_warming_up_notices_a_connection_that_the_crm_has_closed() -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert await client.warm() == ""
        for connected in list(crm._open):
            connected.shutdown(2)
        async with asyncio.timeout(SAFETY_S):
            while crm.open_connections:
                await asyncio.sleep(0.01)
        assert await client.warm() == ""
        assert crm.accepted == 2
        assert client.open_connections == 1
