"""`[agi]`, and the address of `[admin]`: literal addresses, networks, and paths that can be told apart."""

import ipaddress
import re

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Settings
from fallbackrouter.config.toml import toml_value
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import printable

PATH_FIELDS = ("did", "caller", "call_id", "stage", "short", "link", "line", "linked_id")
"""What an argument of a positional path can be."""
OWN_PATHS = ("ask", "event", "route", "test")
MAX_LISTED = 32
_MAX_PORT = 65_535
_PATH = re.compile(r"[A-Za-z0-9_-]{1,32}")
_PORT = re.compile(r"[0-9]{1,5}")


def agi_faults(settings: Settings) -> Faults:
    """Yield what is wrong with addresses, networks and paths."""
    if not settings.agi.listen:
        yield Fault("agi.listen", "is empty, so no call could ask", 'write ["127.0.0.1:4573"]')
    yield from _listen_faults(settings)
    yield from allow_faults("agi.allow", settings.agi.allow)
    yield from _path_faults(settings.agi.paths)


def split_address(text: str) -> tuple[str, int] | None:
    """Return address and port of `ip:port` or `[ip]:port`, None where it is neither."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    if not colon or (address.version == 6) != bracketed or not _PORT.fullmatch(port) or int(port) > _MAX_PORT:  # noqa: PLR2004 - IPv6
        return None
    return str(address), int(port)


def _listen_faults(settings: Settings) -> Faults:
    listed = {
        "agi.listen": settings.agi.listen,
        "agi.http_listen": settings.agi.http_listen,
        "admin.listen": [settings.admin.listen] if settings.admin.listen else [],
    }
    seen: dict[tuple[str, int], str] = {}
    for key, texts in listed.items():
        if len(texts) > MAX_LISTED:
            yield Fault(key, f"has {len(texts)} entries", f"use at most {MAX_LISTED}")
        for place, text in enumerate(texts[:MAX_LISTED], 1):
            name = key if key == "admin.listen" else f"{key}[{place}]"
            address = split_address(text)
            if address is None:
                what = f'is "{printable(text)}", which is no address with a port'
                yield Fault(name, what, "write ip:port such as 127.0.0.1:4573 or [::1]:4573, never a host's name")
            elif address in seen and address[1]:
                yield Fault(name, f"is the address of {seen[address]} too", "give it a port of its own")
            else:
                seen[address] = name


def allow_faults(key: str, allow: list[str]) -> Faults:
    """Yield what is wrong with a list of networks."""
    if not allow:
        yield Fault(key, "is empty, so nobody could ask", 'write ["127.0.0.0/8", "::1/128"]')
    if len(allow) > MAX_LISTED:
        yield Fault(key, f"has {len(allow)} entries", f"use at most {MAX_LISTED}, with shorter prefixes")
    for place, text in enumerate(allow[:MAX_LISTED], 1):
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            remedy = "write an address or a prefix such as 10.0.0.0/8"
            yield Fault(f"{key}[{place}]", f'is "{printable(text)}", which is no network', remedy)
            continue
        if "/" in text and str(meant.network_address) != text.partition("/")[0].lower():
            what = f'is "{printable(text)}", an address inside a network'
            yield Fault(f"{key}[{place}]", what, f"write {meant}, or the address without its /{meant.prefixlen}")


def _path_faults(paths: dict[str, list[str]]) -> Faults:
    if len(paths) > MAX_LISTED:
        yield Fault("agi.paths", f"has {len(paths)} paths", f"use at most {MAX_LISTED}")
    for name, fields in list(paths.items())[:MAX_LISTED]:
        key = f"agi.paths.{printable(name, 40)}"
        if name in OWN_PATHS:
            yield Fault(key, "is a path of the router's own", "choose another name")
        elif not _PATH.fullmatch(name):
            yield Fault(key, "is no path's name", "use 1 to 32 of letters, digits, - and _")
        for place, field in enumerate(fields[: len(PATH_FIELDS) + 1], 1):
            if field not in PATH_FIELDS:
                yield Fault(f"{key}[{place}]", f'is "{printable(field)}"', write_instead(field, PATH_FIELDS))
        if len(set(fields)) < len(fields):
            yield Fault(key, "names a field twice", f"write each once, such as {toml_value(PATH_FIELDS[:4])}")
