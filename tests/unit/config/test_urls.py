"""Every CRM URL and token that the configuration lets through is one that the client can use."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fallbackrouter.config.checks.crm import crm_faults
from fallbackrouter.config.settings import Crm, Settings
from fallbackrouter.crm.endpoint import Endpoint


def _is_good(crm: Crm) -> bool:
    return not list(crm_faults(Settings(last_resort={}, crm=crm), Path()))


_PARTS = re.findall(
    r"\S+", "a crm 1 300 xn-- - _ . .. : 80 / // ? # @ [ ] [::1] % %41 {stage} { } = & 127.0.0.1 , ~ \\ é ' *"
)


@given(st.sampled_from(["http://", "https://"]), st.lists(st.sampled_from(_PARTS), max_size=6).map("".join))
@example("https://", "crm.example/api/v1/asterisk/callin/{stage}")
@example("http://", "[::1]:8080/{stage}?a=b")
def test_every_url_let_through_is_one_to_the_client(scheme: str, rest: str) -> None:
    url = scheme + rest
    if _is_good(Crm(url=url)):
        assert Endpoint(url, "").url_of("init").startswith(scheme)


@given(st.text(st.characters(max_codepoint=0x17F), min_size=1, max_size=4))
@example("s3cret")
def test_every_token_let_through_is_one_to_the_client(token: str) -> None:
    if _is_good(Crm(token=token)):
        assert Endpoint("http://127.0.0.1/", token).headers["Authorization"] == f"Bearer {token.strip()}"


@pytest.mark.parametrize(
    "url", ["https://crm.example/{stage}", "http://127.0.0.1:8000/", "http://[::1]:80/x?stage={stage}", "http://crm_1/"]
)
def test_good_urls_are_let_through(url: str) -> None:
    assert _is_good(Crm(url=url, token="t0ken"))  # noqa: S106 - no secret of anybody's


@pytest.mark.parametrize("text", ["10.0.0.53", "10.0.0.53:5353", "fd00::53", "[fd00::53]:53"])
def test_a_name_server_is_an_address_with_or_without_a_port(text: str) -> None:
    assert _is_good(Crm(nameservers=[text]))


@pytest.mark.parametrize(
    "text", ["", "ns.example", "ns.example:53", "10.0.0.53:0", "10.0.0.53:70000", "[fd00::53]", "1.2.3"]
)
def test_a_name_server_is_nothing_else(text: str) -> None:
    assert not _is_good(Crm(nameservers=[text]))


def test_name_servers_are_not_many() -> None:
    assert not _is_good(Crm(nameservers=["10.0.0.53"] * 9))


@pytest.mark.parametrize(
    ("url", "probe_url"),
    [
        ("https://crm.example/{stage}", "https://crm.example/health?deep=1"),
        ("https://crm.example/{stage}", "https://CRM.example:443/health"),
        ("http://[::1]:81/{stage}", "http://[::1]:81/"),
    ],
)
def test_a_probe_goes_to_the_crms_own_host(url: str, probe_url: str) -> None:
    assert _is_good(Crm(url=url, probe_url=probe_url))


@pytest.mark.parametrize(
    "probe_url",
    [
        "https://other.example/health",
        "http://crm.example/health",
        "https://crm.example:8443/health",
        "https://crm.example/{stage}",
        "crm.example/health",
    ],
)
def test_a_probe_goes_nowhere_else_as_it_carries_the_token(probe_url: str) -> None:
    assert not _is_good(Crm(url="https://crm.example/{stage}", probe_url=probe_url))
    assert not _is_good(Crm(probe_url="https://crm.example/health"))
