"""What can be used, but hardly does what was meant."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from fallbackrouter.config.settings import Settings

_UNSAFE = {"1,2": "a comma", "1&2": "an &", "${X}": "${…}", "1|2": "a |"}


def remarks(settings: Settings) -> Iterator[str]:
    """Yield sentences for people who check their configuration."""
    yield from _budget_remarks(settings)
    yield from _policy_remarks(settings)
    yield from _gate_remarks(settings)
    crm = settings.crm
    if (crm.token or crm.token_file) and crm.url.startswith("http:") and not _is_loopback(crm.url):
        yield "crm.url is http, so the token travels readable for everybody on the way; use https"
    if (crm.token or crm.token_file) and not crm.url:
        yield "crm has a token but no url, so no CRM is asked"


def _budget_remarks(settings: Settings) -> Iterator[str]:
    budget, remembered = settings.budget, settings.remembered
    if budget.fresh_ms > budget.live_ms:
        yield f"budget.fresh_ms is more than budget.live_ms, which counts then ({budget.live_ms:g})"
    if remembered.ttl_s > remembered.max_stale_s:
        yield "remembered.ttl_s is more than remembered.max_stale_s, so answers are dropped while still fresh"


def _policy_remarks(settings: Settings) -> Iterator[str]:
    for place, entry in enumerate(settings.policy[:-1], 1):
        if entry.did == "":
            yield f"policy[{place}] has no did, so it counts for all calls and the entries below it never do"
            return


def _gate_remarks(settings: Settings) -> Iterator[str]:
    for name in ("num", "external"):
        pattern = re.compile(getattr(settings.answers, name))
        for text, what in _UNSAFE.items():
            if pattern.fullmatch(text):
                yield f"answers.{name} lets {what} through, which a dialplan may read as more than a number"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
