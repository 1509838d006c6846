"""TLS as it has to be: the name is checked whatever the address, and nothing but a good certificate will do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore2
import httpx2
import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.core.verdict import Hit, Unavailable, Verdict
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.network import Network
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.crm.tls import make_context
from fallbackrouter.crm.transport import Transport
from tests.fakes.calls import call
from tests.fakes.certificates import Authority, Certificate, self_signed
from tests.fakes.crm import FakeCrm
from tests.fakes.crm_client import crm_client

pytestmark = pytest.mark.anyio

NAME = "crm.example"


@pytest.fixture(scope="module")
def good(authority: Authority) -> Certificate:
    return authority.issue("good", f"DNS:{NAME}")


@asynccontextmanager
async def secure_client(crm: FakeCrm, ca_file: Path | str, *, name: str = NAME) -> AsyncIterator[CrmClient]:
    known = {name: ["127.0.0.1"]}
    async with crm_client(crm.url_for(name), tls=(str(ca_file), "", ""), addresses=known) as client:
        yield client


@asynccontextmanager
async def server_of(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve connections that way; give the port."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def https_client(port: int, authority: Authority) -> AsyncIterator[CrmClient]:
    tls = (str(authority.ca_file), "", "")
    async with crm_client(f"https://{NAME}:{port}/", tls=tls, addresses={NAME: ["127.0.0.1"]}) as client:
        yield client


async def asked(client: CrmClient) -> Verdict:
    async with asyncio.timeout(60):
        return (await client.ask(call(), "d-1", 300)).verdict


async def test_the_right_name_from_the_private_authority_is_trusted(authority: Authority, good: Certificate) -> None:
    async with FakeCrm(tls=good.server()) as crm, secure_client(crm, authority.ca_file) as client:
        for _ in range(3):
            assert isinstance(await asked(client), Hit)
        assert crm.accepted == 1
        assert await client.warm() == ""


async def test_a_large_answer_comes_whole(authority: Authority, good: Certificate) -> None:
    body = '{"status":true,"result":{"app":"group","num":"62"},"pad":"' + "x" * 60_000 + '"}'
    async with FakeCrm(tls=good.server(), mode=f"body:{body}") as crm, secure_client(crm, authority.ca_file) as client:
        verdict = await asked(client)
        assert isinstance(verdict, Hit), verdict


@pytest.mark.parametrize("mode", ["huge", "early_hints", "headers", "cut", "reset", "close", "garbage", "drip:0.001"])
async def test_faults_under_tls_end_too_and_the_next_question_is_answered(
    authority: Authority, good: Certificate, mode: str
) -> None:
    async with FakeCrm(tls=good.server(), mode=mode) as crm, secure_client(crm, authority.ca_file) as client:
        assert isinstance(await asked(client), Hit) == (mode == "drip:0.001")
        crm.mode = "ok"
        assert isinstance(await asked(client), Hit)


async def test_a_kept_connection_that_ends_costs_nothing(authority: Authority, good: Certificate) -> None:
    async with FakeCrm(tls=good.server(), mode="idle_close") as crm, secure_client(crm, authority.ca_file) as client:
        for _ in range(4):
            assert isinstance(await asked(client), Hit)
        assert crm.accepted == 4


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    other = authority.issue("other", "DNS:other.example")
    async with FakeCrm(tls=other.server()) as crm, secure_client(crm, authority.ca_file) as client:
        reason = "TLS: Hostname mismatch, certificate is not valid for 'crm.example'"
        assert await asked(client) == Unavailable(reason)


async def test_a_certificate_for_the_address_alone_is_refused(authority: Authority) -> None:
    address = authority.issue("address", "IP:127.0.0.1")
    async with FakeCrm(tls=address.server()) as crm:
        async with secure_client(crm, authority.ca_file) as client:
            assert "Hostname mismatch" in str(await asked(client))
        async with secure_client(crm, authority.ca_file, name="127.0.0.1") as client:
            assert isinstance(await asked(client), Hit)


async def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    expired = authority.issue("expired", f"DNS:{NAME}", expired=True)
    async with FakeCrm(tls=expired.server()) as crm, secure_client(crm, authority.ca_file) as client:
        assert await asked(client) == Unavailable("TLS: certificate has expired")


async def test_a_self_signed_certificate_is_refused_unless_it_is_the_ca_file(
    authority: Authority, pki_folder: Path
) -> None:
    own = self_signed(pki_folder, "own", f"DNS:{NAME}")
    async with FakeCrm(tls=own.server()) as crm:
        async with secure_client(crm, authority.ca_file) as client:
            assert await asked(client) == Unavailable("TLS: self-signed certificate")
        async with secure_client(crm, own.cert) as client:
            assert isinstance(await asked(client), Hit)


async def test_without_a_ca_file_the_machine_s_authorities_count(good: Certificate) -> None:
    async with FakeCrm(tls=good.server()) as crm, secure_client(crm, "") as client:
        assert str(await asked(client)).startswith("Unavailable(reason='TLS: unable to get")


async def test_the_ca_file_replaces_the_machine_s_authorities(authority: Authority) -> None:
    trusted = make_context(str(authority.ca_file)).get_ca_certs()
    assert len(trusted) == 1


async def test_another_name_never_rides_on_a_connection_of_this_one(authority: Authority, good: Certificate) -> None:
    """Both names have the same address and share a pool; the certificate is for one of them."""
    clock = SystemClock()
    resolver = Resolver(clock=clock, max_stale_s=60)
    for name in (NAME, "other.example"):
        resolver.seed(name, ["127.0.0.1"], clock.now_at())
    context = make_context(str(authority.ca_file))
    transport = Transport(Network(resolver), context=context, max_connections=4, keepalive_s=60)
    async with FakeCrm(tls=good.server()) as crm, httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        assert (await http.head(crm.url_for(NAME))).status_code == 200
        assert transport.open_connections == 1
        with pytest.raises(httpcore2.ConnectError):
            await http.head(crm.url_for("other.example"))
        assert (await http.head(crm.url_for(NAME))).status_code == 200
        assert [request.headers["host"] for request in crm.requests] == [f"{NAME}:{crm.port}"] * 2


async def test_a_client_certificate_is_shown_where_one_is_asked_for(authority: Authority, good: Certificate) -> None:
    client_side = authority.issue("client", "DNS:pbx.example")
    tls = (str(authority.ca_file), str(client_side.cert), str(client_side.key))
    known = {NAME: ["127.0.0.1"]}
    async with FakeCrm(tls=good.server(clients_from=authority.ca_file)) as crm:
        async with crm_client(crm.url_for(NAME), tls=tls, addresses=known) as client:
            assert isinstance(await asked(client), Hit)
        async with secure_client(crm, authority.ca_file) as without:
            assert isinstance(await asked(without), Unavailable)


async def test_plain_http_behind_an_https_url_says_so(authority: Authority) -> None:
    async def speak_plainly(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with server_of(speak_plainly) as port, https_client(port, authority) as client:
        assert await asked(client) == Unavailable("TLS: wrong version number")


async def test_https_behind_an_http_url_says_so(good: Certificate) -> None:
    async with FakeCrm(tls=good.server()) as crm:
        url = crm.url_for(NAME).replace("https://", "http://")
        async with crm_client(url, addresses={NAME: ["127.0.0.1"]}) as client:
            assert isinstance(await asked(client), Unavailable)


async def test_a_peer_that_hangs_up_in_the_handshake_says_so(authority: Authority) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    async with server_of(hang_up) as port, https_client(port, authority) as client:
        verdict = await asked(client)
        assert verdict in (Unavailable("TLS: closed during the handshake"), Unavailable("connection reset"))


@pytest.mark.parametrize("broken", ["missing", "text", "empty"])
def test_a_ca_file_that_cannot_be_used_is_named(pki_folder: Path, broken: str) -> None:
    path = pki_folder / broken
    if broken != "missing":
        path.write_text("no certificate" if broken == "text" else "", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"crm\.ca_file .*name a PEM file") as refused:
        make_context(str(path))
    assert str(path) in str(refused.value)


def test_a_client_certificate_that_cannot_be_used_is_named(authority: Authority, pki_folder: Path) -> None:
    one, two = authority.issue("one", "DNS:one"), authority.issue("two", "DNS:two")
    for cert, key in ((str(one.cert), str(two.key)), (str(one.cert), ""), (str(pki_folder / "none"), "")):
        with pytest.raises(ConfigError, match=r"crm\.client_cert .*name PEM files") as refused:
            make_context("", cert, key)
        assert cert in str(refused.value)


def test_certificates_are_always_checked() -> None:
    context = make_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
