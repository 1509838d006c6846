"""Telling a CRM of events over a real connection: what each answer, and each fault on the way, is taken for."""

import asyncio
from datetime import UTC, datetime

import pytest

from fallbackrouter.core.receipt import MAX_WORDS, Receipt
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCrm
from tests.fakes.event_client import event_client

pytestmark = pytest.mark.anyio
KEY = "019b76da-b7a0-7000-8000-0c41d2f5e6aa"
BODY = b'{"event_id":"019b76da-b7a0-7000-8000-0c41d2f5e6aa","seq":1}'
PATIENCE_S = 20.0


async def told(mode: str, now: datetime | None = None) -> Receipt:
    clock = FakeClock(now) if now else None
    async with FakeCrm(mode=mode) as crm, event_client(crm.url, clock=clock) as client:
        return await asyncio.wait_for(client.send(KEY, "start", BODY), PATIENCE_S)


async def test_it_posts_to_the_stages_url_with_its_key_and_the_token() -> None:
    async with FakeCrm() as crm, event_client(crm.url, token=KEY) as client:
        receipt = await client.send(KEY, "end_auto", BODY)
        asked = crm.requests[0]
    assert receipt.delivered
    assert (asked.method, asked.path) == ("POST", "/api/v1/asterisk/callin/end_auto")
    assert asked.body == {"event_id": KEY, "seq": 1}
    assert asked.headers["idempotency-key"] == KEY
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert list(crm.events.keys) == [KEY]


async def test_a_url_without_a_stage_takes_questions_and_events_alike() -> None:
    async with FakeCrm() as crm, event_client(f"http://127.0.0.1:{crm.port}/asterisk") as client:
        assert (await client.send(KEY, "end_auto", BODY)).delivered
        assert crm.requests[0].path == "/asterisk"


async def test_many_events_share_a_connection() -> None:
    async with FakeCrm() as crm, event_client(crm.url) as client:
        for _ in range(20):
            assert (await client.send(KEY, "start", BODY)).delivered
        assert crm.accepted == 1
        assert crm.events.again == 19


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 404, 409, 410, 422, 429, 500, 503])
async def test_every_status_is_told_as_it_came(status: int) -> None:
    assert (await told(str(status))).status == status


async def test_a_refusal_is_told_with_the_crms_words() -> None:
    assert (await told("words:422:no such\ncall")).told == "422 no such call"


async def test_the_words_are_bounded() -> None:
    assert len((await told("words:422:" + "x" * 5000)).words) == MAX_WORDS


async def test_no_redirect_is_followed() -> None:
    async with FakeCrm(mode="redirect") as crm, event_client(crm.url) as client:
        assert (await client.send(KEY, "start", BODY)).status == 307
        assert len(crm.requests) == 1


@pytest.mark.parametrize("text", ["0", "7", "3600"])
async def test_retry_after_in_seconds(text: str) -> None:
    assert (await told(f"retry_after:{text}")).retry_after_s == float(text)


async def test_retry_after_as_a_date() -> None:
    now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert (await told("retry_after:Mon, 02 Mar 2026 10:01:30 GMT", now)).retry_after_s == 90
    assert (await told("retry_after:Mon, 02 Mar 2026 09:00:00 GMT", now)).retry_after_s == 0


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "٣", "9" * 400, "Mon, 99 Zzz 99999999 99:99:99 GMT"])
async def test_a_retry_after_that_is_none_breaks_nothing(text: str) -> None:
    receipt = await told(f"retry_after:{text}")
    assert receipt.status == 503
    assert 0 <= receipt.pause_s <= 3600


@pytest.mark.parametrize(
    ("mode", "words"), [("close", "closed without an answer"), ("garbage", "the answer is not HTTP")]
)
async def test_no_answer_is_told_with_its_reason(mode: str, words: str) -> None:
    assert await told(mode) == Receipt(0, words)


@pytest.mark.parametrize("mode", ["cut", "reset", "huge", "huge:unannounced", "gzip_bomb", "chunks", "drip_body:0.5"])
async def test_the_status_counts_whatever_becomes_of_the_body(mode: str) -> None:
    assert (await told(mode)).delivered


@pytest.mark.parametrize("mode", ["early_hints", "headers"])
async def test_an_endless_head_is_no_answer(mode: str) -> None:
    assert (await told(mode)).status == 0


async def test_a_connection_refused() -> None:
    async with FakeCrm() as crm:
        url = crm.url
    async with event_client(url) as client:
        assert await client.send(KEY, "start", BODY) == Receipt(0, "connection refused")


async def test_a_name_without_an_address() -> None:
    async with event_client("http://crm.invalid/{stage}") as client:
        assert await client.send(KEY, "start", BODY) == Receipt(0, "no address yet")


async def test_a_kept_connection_that_has_ended_costs_nothing() -> None:
    async with FakeCrm(mode="idle_close") as crm, event_client(crm.url) as client:
        for _ in range(3):
            assert (await client.send(KEY, "start", BODY)).delivered
        assert crm.accepted == 3


async def test_a_hung_crm_can_be_left_and_nothing_stays_behind() -> None:
    async with FakeCrm(mode="hang") as crm, event_client(crm.url) as client:
        sending = [asyncio.create_task(client.send(KEY, "start", BODY)) for _ in range(8)]
        while crm.met["hang"] < 8:
            await asyncio.sleep(0.01)
        for task in sending:
            task.cancel()
        await asyncio.wait(sending, timeout=PATIENCE_S)
        assert all(task.cancelled() for task in sending)
        assert client.open_connections == 0
        crm.mode = "ok"
        assert (await client.send(KEY, "start", BODY)).delivered


async def test_it_proves_itself_by_a_certificate(authority: Authority) -> None:
    server, ours = authority.issue("events", "DNS:crm.test"), authority.issue("pbx", "DNS:pbx.test")
    tls = (str(authority.ca_file), str(ours.cert), str(ours.key))
    known = {"crm.test": ["127.0.0.1"]}
    async with FakeCrm(tls=server.server(clients_from=authority.ca_file)) as crm:
        async with event_client(crm.url_for("crm.test"), tls=tls, addresses=known) as client:
            assert (await client.send(KEY, "start", BODY)).delivered
        async with event_client(crm.url_for("crm.test"), tls=(tls[0], "", ""), addresses=known) as client:
            assert (await client.send(KEY, "start", BODY)).status == 0
