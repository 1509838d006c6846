"""The CRM's name, addresses, certificate, answer and clock: each well, and each broken for real."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.doctor import question, reach
from fallbackrouter.store.addresses import SavedAddress, save_addresses
from tests.fakes.certificates import Authority, Certificate, self_signed
from tests.fakes.crm import FakeCrm
from tests.fakes.dns import FakeDns
from tests.fakes.examined import DID, Examined, levels

pytestmark = pytest.mark.anyio

NAME = "crm.example"


@asynccontextmanager
async def named(examined: Examined, *addresses: str, mode: str = "ok", ttl_s: int = 60) -> AsyncIterator[FakeDns]:
    """Give a name server that knows the CRM's name."""
    async with FakeDns({NAME: list(addresses)}, mode=mode, ttl_s=ttl_s) as dns:
        examined.nameservers = (dns.address,)
        yield dns


async def test_each_address_is_told_with_its_ttl_and_its_age(examined: Examined) -> None:
    examined.ask(f"https://{NAME}/")
    examined.make_journal()
    saved_at = SystemClock().now_at() - timedelta(minutes=10)
    save_addresses(examined.journal, [SavedAddress(NAME, "192.0.2.1", 60, saved_at)])
    async with named(examined, "192.0.2.1", "192.0.2.2", ttl_s=42):
        found = await examined.look("dns")
    assert levels(found) == ["ok", "ok"]
    whats = sorted(one.what for one in found)
    assert whats == [f"{NAME} is 192.0.2.1, TTL 42 s, saved 10 min ago", f"{NAME} is 192.0.2.2, TTL 42 s"]


@pytest.mark.parametrize("mode", ["nxdomain", "servfail", "silent", "garbage"])
async def test_a_name_that_cannot_be_looked_up_fails(examined: Examined, mode: str) -> None:
    examined.ask(f"https://{NAME}/")
    async with named(examined, mode=mode) as dns:
        [unknown] = await examined.look("dns")
        assert dns.asked[NAME]
        for check in ("tcp", "tls", "crm"):
            assert levels(await examined.look(check)) == ["skip"]
        assert (await examined.look("clock"))[0].what == "no address of the CRM is known"
    assert levels([unknown]) == ["fail"]
    assert f"{NAME} cannot be looked up" in unknown.what


async def test_a_name_server_that_fails_is_a_warning_while_saved_addresses_serve(examined: Examined) -> None:
    examined.make_journal()
    saved_at = SystemClock().now_at() - timedelta(hours=3)
    save_addresses(examined.journal, [SavedAddress(NAME, "127.0.0.1", 60, saved_at)])
    async with FakeCrm() as crm, named(examined, mode="servfail"):
        examined.ask(crm.url_for(NAME))
        [served] = await examined.look("dns")
        assert levels(await examined.look("tcp")) == ["ok"]
        examined.ask(crm.url_for(NAME), "dns_max_stale_s = 3600")
        assert levels(await examined.look("dns")) == ["fail"]
    assert levels([served]) == ["warn"]
    assert "127.0.0.1, saved 3 hours ago" in served.what


async def test_an_address_in_the_url_is_not_looked_up(examined: Examined) -> None:
    examined.ask("https://192.0.2.1/")
    assert levels(await examined.look("dns")) == ["ok"]


@pytest.mark.parametrize("check", ["dns", "tcp", "tls", "crm"])
async def test_without_a_crm_there_is_nothing_to_look_at(examined: Examined, check: str) -> None:
    assert levels(await examined.look(check)) == ["skip"]


async def test_an_address_that_takes_connections_is_well(examined: Examined) -> None:
    async with FakeCrm() as crm:
        examined.ask(crm.url)
        [taken] = await examined.look("tcp")
    assert levels([taken]) == ["ok"]
    assert taken.what.startswith(f"127.0.0.1 port {crm.port} takes connections")


async def test_an_address_that_refuses_fails(examined: Examined) -> None:
    examined.ask("http://127.0.0.1:9/")
    [refused] = await examined.look("tcp")
    assert levels([refused]) == ["fail"]
    assert "connection refused" in refused.what


async def test_one_address_that_refuses_beside_a_good_one_is_a_warning(examined: Examined) -> None:
    async with FakeCrm() as crm, named(examined, "127.0.0.1", "127.0.0.2"):
        examined.ask(crm.url_for(NAME))
        found = await examined.look("tcp")
    assert sorted(levels(found)) == ["ok", "warn"]


async def test_an_address_that_drops_everything_fails_in_time(
    examined: Examined, black_hole: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "CONNECT_S", 0.3)
    examined.ask(f"http://{black_hole[0]}:{black_hole[1]}/")
    [silent] = await examined.look("tcp")
    assert levels([silent]) == ["fail"]
    assert "does not answer within" in silent.what


@asynccontextmanager
async def secure(examined: Examined, certificate: Certificate, ca_file: Path, mode: str = "ok") -> AsyncIterator[None]:
    """Serve that certificate under the CRM's name."""
    async with FakeCrm(tls=certificate.server(), mode=mode) as crm, named(examined, "127.0.0.1"):
        examined.ask(crm.url_for(NAME), f'ca_file = "{ca_file}"')
        yield


async def test_a_certificate_that_lasts_is_well(examined: Examined, tmp_path: Path) -> None:
    month = self_signed(tmp_path, "month", f"DNS:{NAME}")
    async with secure(examined, month, month.cert):
        [good] = await examined.look("tls")
        assert levels(await examined.look("crm")) == ["ok"]
    assert levels([good]) == ["ok"]
    assert f"good for {NAME} until 20" in good.what


async def test_a_certificate_that_expires_within_two_weeks_is_a_warning(
    examined: Examined, authority: Authority
) -> None:
    async with secure(examined, authority.issue("soon", f"DNS:{NAME}"), authority.ca_file):
        [soon] = await examined.look("tls")
    assert levels([soon]) == ["warn"]
    assert "47 hours more" in soon.what


@pytest.mark.parametrize(
    ("names", "expired", "why"),
    [(f"DNS:{NAME}", True, "has expired"), ("DNS:other.example", False, "Hostname mismatch")],
)
async def test_a_certificate_that_is_not_good_fails(
    examined: Examined, authority: Authority, names: str, why: str, *, expired: bool
) -> None:
    async with secure(examined, authority.issue("bad", names, expired=expired), authority.ca_file):
        [bad] = await examined.look("tls")
    assert levels([bad]) == ["fail"]
    assert why in bad.what


async def test_a_certificate_that_nobody_vouches_for_fails(
    examined: Examined, authority: Authority, tmp_path: Path
) -> None:
    async with secure(examined, self_signed(tmp_path, "own", f"DNS:{NAME}"), authority.ca_file):
        [own] = await examined.look("tls")
    assert levels([own]) == ["fail"]
    assert "self-signed" in own.what


async def test_a_handshake_that_hangs_fails_in_time(
    examined: Examined, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "SHAKE_S", 0.3)
    async with secure(examined, authority.issue("hung", f"DNS:{NAME}"), authority.ca_file, mode="hang_tls"):
        [hung] = await examined.look("tls")
    assert levels([hung]) == ["fail"]


async def test_a_ca_file_that_is_none_fails(examined: Examined, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    examined.ask("https://127.0.0.1/", f'ca_file = "{tmp_path / "ca.pem"}"')
    for check in ("tls", "crm"):
        [broken] = await examined.look(check)
        assert broken.level == "fail"
        assert "ca_file" in broken.what


async def test_the_test_question_says_that_it_is_one(examined: Examined) -> None:
    async with FakeCrm() as crm:
        examined.ask(crm.url, 'token = "secret-word"')
        [answered] = await examined.look("crm")
        [asked] = crm.requests
    assert levels([answered]) == ["ok"]
    assert asked.body
    assert (asked.body["test"], asked.body["phonenumber"], asked.stage) == (True, DID, "init")
    assert asked.headers["authorization"] == "Bearer secret-word"
    assert "secret-word" not in str(answered)


async def test_a_crm_that_knows_no_route_is_well_and_404_is_a_warning(examined: Examined) -> None:
    async with FakeCrm({}) as crm:
        examined.ask(crm.url)
        assert levels(await examined.look("crm")) == ["ok"]
        crm.mode = "404"
        [not_found] = await examined.look("crm")
    assert levels([not_found]) == ["warn"]
    assert "crm.url" in not_found.remedy


@pytest.mark.parametrize(
    ("mode", "what", "remedy"),
    [
        ("401", "refused our token (401)", "crm.token_file"),
        ("403", "refused our token (403)", "crm.token_file"),
        ("500", "HTTP status 500", "CRM's own log"),
        ("html", "a web page", "docs/crm-contract.md"),
        ("close", "closed without an answer", "CRM's own log"),
    ],
)
async def test_a_crm_that_fails_is_told_with_its_remedy(examined: Examined, mode: str, what: str, remedy: str) -> None:
    async with FakeCrm(mode=mode) as crm:
        examined.ask(crm.url)
        [failed] = await examined.look("crm")
        assert crm.met[mode if mode in crm.met else "status"]
    assert levels([failed]) == ["fail"]
    assert what in failed.what
    assert remedy in failed.remedy


async def test_a_slow_crm_is_a_warning(examined: Examined) -> None:
    async with FakeCrm(mode="slow:0.2") as crm:
        examined.configure(f'[crm]\nurl = "{crm.url}"\n[budget]\nlive_ms = 50')
        [slow] = await examined.look("crm")
        assert len(crm.requests) == 2
    assert levels([slow]) == ["warn"]
    assert "more than the 50 ms" in slow.what


async def test_a_crm_that_hangs_fails_in_time(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "ANSWER_S", 0.5)
    async with FakeCrm(mode="hang") as crm:
        examined.ask(crm.url)
        [hung] = await examined.look("crm")
        assert crm.met["hang"]
    assert levels([hung]) == ["fail"]


@asynccontextmanager
async def telling(date: str) -> AsyncIterator[str]:
    """Serve answers with that Date header; give the URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 405 X\r\nContent-Length: 0\r\n{date}\r\n".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(
    ("apart_s", "level", "word"), [(0, "ok", "agree"), (-90, "warn", "90 s ahead"), (3600, "warn", "s behind")]
)
async def test_the_clock_is_compared_with_the_crm_s(examined: Examined, apart_s: int, level: str, word: str) -> None:
    at = SystemClock().now_at() + timedelta(seconds=apart_s)
    async with telling(f"Date: {format_datetime(at, usegmt=True)}\r\n") as url:
        examined.ask(url)
        [compared, _zone] = await examined.look("clock")
    assert levels([compared]) == [level]
    assert word in compared.what.replace("91 s", "90 s")


@pytest.mark.parametrize("date", ["", "Date: yesterday\r\n"])
async def test_a_crm_that_tells_no_time_cannot_be_compared_with(examined: Examined, date: str) -> None:
    async with telling(date) as url:
        examined.ask(url)
        [untold, _zone] = await examined.look("clock")
    assert levels([untold]) == ["skip"]
