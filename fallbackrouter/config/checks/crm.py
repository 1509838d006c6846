"""`[crm]`: where it is, how it is proven, and what it is told."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from fallbackrouter.config.checks.agi import split_address
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Crm, Settings
from fallbackrouter.config.token import TokenError, clean_token, read_token
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import printable
from fallbackrouter.numbering import FORMS

MAX_URL_CHARS = 2_000
MAX_PORT = 65_535
MAX_NAMESERVERS = 8
_URL = re.compile(r"[!-~]+")
_PLACEHOLDER = re.compile(r"\{[^}]*\}?|\}")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_AUTHORITY = re.compile(
    rf"(?:\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>{_LABEL}(?:\.{_LABEL}){{0,30}}\.?))(?::(?P<port>[0-9]{{1,5}}))?"
)
_EXAMPLE = "write one such as https://crm.example/api/v1/asterisk/callin/{stage}"


def crm_faults(settings: Settings, base: Path) -> Faults:
    """Yield what is wrong with the CRM's keys.

    Args:
        base: what paths are relative to.
    """
    crm = settings.crm
    yield from url_faults("crm.url", crm.url, placeholders=("{stage}",))
    yield from _probe_faults(crm)
    yield from url_faults("crm.routes_url", crm.routes_url, placeholders=())
    yield from _token_faults(crm, base)
    yield from _certificate_faults(crm, base)
    yield from _nameserver_faults(crm.nameservers)
    if crm.number_form not in FORMS:
        yield Fault("crm.number_form", f'is "{printable(crm.number_form)}"', write_instead(crm.number_form, FORMS))


def url_faults(key: str, url: str, placeholders: tuple[str, ...]) -> Faults:
    """Yield what is wrong with a URL that is fetched or posted to; "" is none."""
    if not url:
        return
    if len(url) > MAX_URL_CHARS or not _URL.fullmatch(url):
        yield Fault(key, "holds blanks or letters that no URL has, or is too long", _EXAMPLE)
        return
    strange = [found for found in _PLACEHOLDER.findall(url) if found not in placeholders]
    if strange:
        allowed = f"use {placeholders[0]} alone" if placeholders else "take it out"
        yield Fault(key, f"holds {strange[0]}, which nothing is put in for", allowed)
        return
    parts = _split(url)
    if parts is not None and "@" in parts.netloc:
        yield Fault(
            key, "holds a user or a password", "take it out, and put a token into the file that token_file names"
        )
    elif parts is None or parts.scheme not in ("http", "https") or not _is_authority(parts):
        yield Fault(key, "is no http or https URL with a host", _EXAMPLE)
    elif parts.fragment:
        yield Fault(key, "ends in a #fragment, which is never sent", "take it out")


def _probe_faults(crm: Crm) -> Faults:
    faults = list(url_faults("crm.probe_url", crm.probe_url, placeholders=()))
    yield from faults
    if not faults and crm.probe_url and _origin(crm.probe_url) != _origin(crm.url):
        yield Fault("crm.probe_url", "is not on crm.url's host", "write a URL of the same scheme, host and port")


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; the token is sent there, and nowhere else."""
    parts = _split(url)
    if parts is None:
        return None
    try:
        port = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port or (443 if parts.scheme == "https" else 80)


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL, None where it has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_authority(parts: SplitResult) -> bool:
    """Tell whether host and port are ones that every reader of URLs reads alike."""
    found = _AUTHORITY.fullmatch(parts.netloc)
    if found is None or (found["port"] and not 0 < int(found["port"]) <= MAX_PORT):
        return False
    try:
        return ipaddress.ip_address(found["ip6"] or found["host"]).version == (6 if found["ip6"] else 4)
    except ValueError:
        # A name that ends in a number would be an odd address to some.
        last = (found["host"] or ".").rstrip(".").rpartition(".")[2]
        return last != "" and not last.isdigit()


def _token_faults(crm: Crm, base: Path) -> Faults:
    if crm.token and crm.token_file:
        yield Fault("crm.token", "and crm.token_file are both set", "keep one of them")
    try:
        if crm.token:
            clean_token(crm.token)
    except TokenError as error:
        yield Fault("crm.token", str(error), error.remedy)
    try:
        if crm.token_file:
            read_token(base / crm.token_file)
    except TokenError as error:
        yield Fault("crm.token_file", str(error), error.remedy)


def _certificate_faults(crm: Crm, base: Path) -> Faults:
    for name in ("ca_file", "client_cert", "client_key"):
        text = getattr(crm, name)
        if text and not is_readable(base / text):
            yield Fault(f"crm.{name}", f'is "{printable(text, 200)}", which cannot be read', "correct it")
    if bool(crm.client_cert) != bool(crm.client_key):
        missing = "client_key" if crm.client_cert else "client_cert"
        yield Fault(f"crm.{missing}", "is missing, as certificate and key go together", "write it, or drop the other")


def _nameserver_faults(texts: list[str]) -> Faults:
    if len(texts) > MAX_NAMESERVERS:
        yield Fault("crm.nameservers", f"has {len(texts)} entries", f"use at most {MAX_NAMESERVERS}")
    for place, text in enumerate(texts[:MAX_NAMESERVERS], 1):
        address = split_address(text)
        if not _is_ip(text) and (address is None or not address[1]):
            what = f'is "{printable(text)}", which is no address'
            yield Fault(f"crm.nameservers[{place}]", what, "write ip or ip:port such as 10.0.0.53 or [fd00::53]:53")


def _is_ip(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def is_readable(path: Path) -> bool:
    """Tell whether a path is a file that this user may read, and that is not empty."""
    try:
        with path.open("rb") as file:
            return path.is_file() and bool(file.read(1))
    except (OSError, ValueError):
        return False
