"""The client against a CRM on loopback: what it sends, and what each misbehaviour becomes."""

import asyncio
import re
import resource

import pytest

from fallbackrouter import __version__
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, Unavailable, Verdict, reason_of
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.endpoint import Endpoint
from tests.fakes.calls import call
from tests.fakes.crm import ROUTE, FakeCrm
from tests.fakes.crm_client import crm_client

pytestmark = pytest.mark.anyio

SECRET = "s3cret-T0ken"  # noqa: S105 - a text that must turn up nowhere but in one header
SAFETY_S = 60
LONG_MS = 20_000
"""A budget that no machine outlasts, where the question's own time is not what is tried."""


async def asked(client: CrmClient, budget_ms: int = 300) -> Verdict:
    async with asyncio.timeout(SAFETY_S):
        return (await client.ask(call(), "d-1", budget_ms)).verdict


async def cancelled_after(client: CrmClient, seconds: float) -> None:
    task = asyncio.create_task(client.ask(call(), "d-1", 300))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    assert not done
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_question_carries_everything_and_its_answer_is_a_hit() -> None:
    async with FakeCrm({"74951111111": {**ROUTE, "ttl": 60}}) as crm, crm_client(crm.url, token=SECRET) as client:
        reply = await client.ask(call(call_id="17.4", stage="night", line="l1", test=True), "d-1", 250)
        request = crm.requests[0]
    assert isinstance(reply.verdict, Hit)
    assert reply.verdict.route.fields == ROUTE
    assert reply.ttl_s == 60
    assert (request.method, request.stage) == ("POST", "night")
    assert request.body == {
        "id": "17.4",
        "callerid": "79507533333",
        "phonenumber": "74951111111",
        "stage": "night",
        "budget_ms": 250,
        "line": "l1",
        "decision": "d-1",
        "node": "pbx1",
        "test": True,
    }
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["x-budget-ms"] == "250"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == f"fallbackrouter/{__version__}"
    assert request.headers["host"] == f"127.0.0.1:{crm.port}"


async def test_without_a_token_there_is_no_authorization() -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert isinstance(await asked(client), Hit)
        assert "authorization" not in crm.requests[0].headers


async def test_questions_one_after_the_other_share_a_connection() -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        for mode in ("ok", "miss", "404", "500", "401", "redirect", "html", "ok"):
            crm.mode = mode
            await asked(client)
        assert crm.accepted == 1
        assert client.open_connections == 1


FAULTS = [
    ("miss", Miss, "the CRM knows no route"),
    ("404", Miss, "the CRM knows no route (404)"),
    ("500", Unavailable, "the CRM answered with HTTP status 500"),
    ("401", Unavailable, "the CRM refused our token (401): check crm.token_file"),
    ("403", Unavailable, "the CRM refused our token (403): check crm.token_file"),
    ("429", Unavailable, "the CRM takes no more questions now (429)"),
    ("redirect", Unavailable, "the CRM redirects (307): crm.url has to be the final address"),
    ("close", Unavailable, "closed without an answer"),
    ("garbage", Unavailable, "the answer is not HTTP"),
    ("cut", Unavailable, "closed in the middle of its answer"),
    ("reset", Unavailable, "connection reset"),
    ("html", Invalid, "the answer is a web page, not JSON"),
    ("cut_json", Invalid, "the answer is not JSON"),
    ("nan", Invalid, "the answer is not JSON"),
    ("deep", Invalid, "the answer is nested too deep"),
    ("deep:200000", Invalid, "the answer is longer than 65536 bytes"),
    ("huge", Invalid, "the answer is longer than 65536 bytes"),
    ("huge:unannounced", Invalid, "the answer is longer than 65536 bytes"),
    ("gzip_bomb", Invalid, "the answer is compressed, which was not asked for"),
    ("chunks", Invalid, "the answer comes in more than 512 pieces"),
    ("early_hints", Invalid, "the answer is longer than allowed"),
    ("early_hints:9", Invalid, "the answer is longer than allowed"),
    ("headers", Invalid, "the answer is longer than allowed"),
    ('body:{"status":true,"result":{"app":"rm -rf"}}', Invalid, "app is no app's name"),
    ("chunks:20", Hit, ""),
    ("cookies", Hit, ""),
    ("slow:0.05", Hit, ""),
    ("drip:0.001", Hit, ""),
    ("drip_body:0.001", Hit, ""),
]


@pytest.mark.parametrize(("mode", "kind", "reason"), FAULTS, ids=[mode for mode, _, _ in FAULTS])
async def test_every_fault_has_its_verdict_and_the_next_question_is_answered(
    mode: str, kind: type, reason: str
) -> None:
    async with FakeCrm(mode=mode) as crm, crm_client(crm.url, max_in_flight=1) as client:
        verdict = await asked(client)
        assert isinstance(verdict, kind)
        assert reason_of(verdict) == reason
        assert crm.met.total() >= 1
        crm.mode = "ok"
        assert isinstance(await asked(client), Hit)


async def test_a_few_interim_answers_do_no_harm_question_after_question() -> None:
    async with FakeCrm(mode="early_hints:8") as crm, crm_client(crm.url) as client:
        for _ in range(3):
            assert isinstance(await asked(client), Hit)


async def test_a_refused_connection_says_so() -> None:
    async with FakeCrm() as crm:
        url = crm.url
    async with crm_client(url) as client:
        assert await asked(client) == Unavailable("connection refused")
        assert await client.warm() == "connection refused"


async def test_without_a_free_descriptor_the_reason_says_so_and_the_next_question_works() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit[1]))
        try:
            assert await asked(client) == Unavailable("out of file descriptors")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        assert isinstance(await asked(client), Hit)


async def test_a_host_without_an_address_is_skipped_at_once() -> None:
    async with crm_client("http://crm.example/callin/{stage}") as client:
        assert await asked(client) == Skipped("no address yet")
        assert await client.warm() == "no address yet"


async def test_a_name_is_reached_over_its_known_address_and_keeps_its_name() -> None:
    async with (
        FakeCrm() as crm,
        crm_client(crm.url_for("crm.example"), addresses={"crm.example": ["127.0.0.1"]}) as client,
    ):
        assert isinstance(await asked(client), Hit)
        assert crm.requests[0].headers["host"] == f"crm.example:{crm.port}"


async def test_answers_are_bounded_by_the_configured_size() -> None:
    async with FakeCrm(mode=f"body:{'x' * 100}") as crm, crm_client(crm.url, max_answer_bytes=99) as client:
        assert await asked(client) == Invalid("the answer is longer than 99 bytes")
    async with FakeCrm(mode=f"body:{'x' * 99}") as crm, crm_client(crm.url, max_answer_bytes=99) as client:
        assert await asked(client) == Invalid("the answer is not JSON")


async def test_cookies_are_not_sent_back() -> None:
    async with FakeCrm(mode="cookies") as crm, crm_client(crm.url) as client:
        await asked(client)
        await asked(client)
        assert "cookie" not in crm.requests[1].headers


async def test_no_environment_variable_leads_questions_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert isinstance(await asked(client), Hit)


async def test_a_kept_connection_that_the_crm_closes_at_the_next_question_costs_nothing() -> None:
    async with FakeCrm(mode="idle_close") as crm, crm_client(crm.url) as client:
        for _ in range(5):
            assert isinstance(await asked(client), Hit)
        assert crm.accepted == 5


async def test_many_kept_connections_that_the_crm_closes_cost_nothing_either() -> None:
    async with FakeCrm(mode="slow:0.1") as crm, crm_client(crm.url) as client:
        await asyncio.gather(*[asked(client, LONG_MS) for _ in range(5)])
        assert client.open_connections == 5
        crm.mode = "idle_close"
        assert isinstance(await asked(client), Hit)
        assert client.open_connections == 1


async def test_ten_dead_kept_connections_cost_one_question() -> None:
    async with FakeCrm(mode="slow:0.1") as crm, crm_client(crm.url) as client:
        first = await asyncio.gather(*[asked(client, LONG_MS) for _ in range(10)])
        assert all(isinstance(verdict, Hit) for verdict in first)
        assert client.open_connections > 1
        crm.mode = "idle_death"
        await cancelled_after(client, 0.15)
        assert client.open_connections == 0
        for _ in range(10):
            assert isinstance(await asked(client), Hit)
            crm.mode = "ok"


async def test_a_question_that_outlasts_its_budget_closes_idle_connections_though_it_goes_on() -> None:
    async with FakeCrm(mode="slow:0.1") as crm, crm_client(crm.url) as client:
        await asyncio.gather(*[asked(client, LONG_MS) for _ in range(3)])
        assert client.open_connections == 3
        crm.mode = "slow:2"
        late = asyncio.create_task(client.ask(call(), "d-1", 50))
        async with asyncio.timeout(SAFETY_S):
            while client.open_connections > 1:
                await asyncio.sleep(0.01)
        assert client.busy == 1
        assert isinstance((await late).verdict, Hit)
        assert client.busy == 0


async def test_few_connections_are_kept_and_not_for_long() -> None:
    async with FakeCrm(mode="slow:0.1") as crm, crm_client(crm.url, keepalive_s=0.3) as client:
        await asyncio.gather(*[asked(client) for _ in range(20)])
        assert client.open_connections <= 8
        await asyncio.sleep(0.5)
        await asked(client)
        assert crm.accepted == 21
        assert client.open_connections == 1


async def test_no_more_connections_than_allowed() -> None:
    async with FakeCrm(mode="slow:0.05") as crm, crm_client(crm.url, max_in_flight=3) as client:
        verdicts = await asyncio.gather(*[asked(client, 60_000) for _ in range(12)])
        assert all(isinstance(verdict, Hit) for verdict in verdicts)
        assert crm.accepted == 3


async def test_warming_up_leaves_a_connection_for_the_next_question() -> None:
    async with FakeCrm() as crm, crm_client(crm.url) as client:
        assert await client.warm() == ""
        assert isinstance(await asked(client), Hit)
        assert [request.method for request in crm.requests] == ["HEAD", "POST"]
        assert crm.accepted == 1


async def test_questions_under_way_when_the_client_closes_end_as_unavailable() -> None:
    async with FakeCrm(mode="hang") as crm, crm_client(crm.url) as client:
        task = asyncio.create_task(asked(client))
        while not crm.met["hang"]:
            await asyncio.sleep(0.01)
        await client.close()
        assert isinstance(await task, Unavailable)


async def test_the_token_stands_in_no_text(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    texts = []
    async with FakeCrm() as crm, crm_client(crm.url, token=SECRET) as client:
        texts.append(repr(client) + str(vars(client)))
        for mode in ("ok", "401", "close", "garbage", "500"):
            crm.mode = mode
            texts.append(repr(await asked(client)))
    printed = capsys.readouterr()
    assert SECRET not in "".join((*texts, printed.out, printed.err, caplog.text))
    assert "the CRM refuses our token" in printed.out + printed.err + caplog.text


@pytest.mark.parametrize("token", ["two words", "naïve", "line\nbreak", "\x00"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_repeated(token: str) -> None:
    with pytest.raises(ConfigError, match=r"check crm\.token_file") as refused:
        Endpoint("https://crm.example/{stage}", token)
    assert token not in str(refused.value)


def test_a_token_may_end_in_a_newline_as_files_do() -> None:
    assert Endpoint("https://crm.example/", f"{SECRET}\n").headers["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "http or https"),
        ("crm.example/x", "http or https"),
        ("ftp://crm.example/", "http or https"),
        ("https:///x", "http or https"),
        ("https://user:pw@crm.example/", "token_file"),
        ("https://{stage}.crm.example/", "host"),
        ("https://crm.example/{did}", "placeholder"),
        ("https://crm.example:port/", "not a URL"),
        ("https://crm.example/\x00", "not a URL"),
    ],
)
def test_a_url_that_cannot_be_asked_is_refused(url: str, word: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(word)):
        Endpoint(url, "")


def test_stages_go_where_the_url_says() -> None:
    endpoint = Endpoint("http://[::1]:81/callin/{stage}?s={stage}", "")
    assert endpoint.url_of("init") == "http://[::1]:81/callin/init?s=init"
    assert endpoint.host == "::1"
    assert not endpoint.secure
