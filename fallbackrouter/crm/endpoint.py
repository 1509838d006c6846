"""Where the CRM is asked, and as whom.

Its rules: only http and https, one host for all stages, no password in a URL; the token stands in one header and in
no other text, error or repr.
"""

import re

import httpx2

from fallbackrouter import __version__
from fallbackrouter.core.call import INIT
from fallbackrouter.core.errors import ConfigError

_TOKEN = re.compile(r"[!-~]+")
_STAGE = "{stage}"


class Endpoint:
    """The question's URL for each stage, and the headers that every request carries.

    Args:
        url: http(s), with or without `{stage}` in its path or query.
        token: sent as `Authorization: Bearer`; "" for none.
        key: the setting that the URL came from, for people.

    Raises:
        ConfigError: one of them cannot be used.
    """

    def __init__(self, url: str, token: str, key: str = "crm.url") -> None:
        self._template = url
        parsed = _check_url(url, key)
        self.host = parsed.raw_host.decode("ascii")
        self.secure = parsed.scheme == "https"
        self.port = parsed.port or (443 if self.secure else 80)
        self.headers = _headers(token.strip())

    def url_of(self, stage: str) -> str:
        """Return the URL for a stage, which is `[a-z0-9_]{1,32}` and so needs no quoting."""
        return self._template.replace(_STAGE, stage)


def _check_url(url: str, key: str) -> httpx2.URL:
    hint = "write it like https://crm.example/api/v1/asterisk/callin/{stage}"
    try:
        parsed = httpx2.URL(url.replace(_STAGE, INIT))
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise ConfigError(f"{key} is not a URL: {hint}") from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host:
        raise ConfigError(f"{key} is not an http or https URL: {hint}")
    if parsed.userinfo:
        raise ConfigError(f"{key} holds a user or a password: put a token into crm.token_file instead")
    if httpx2.URL(url.replace(_STAGE, "x")).raw_host != parsed.raw_host:
        raise ConfigError(f"{key} has {_STAGE} in its host: {hint}")
    if set("{}") & set(url.replace(_STAGE, "")):
        raise ConfigError(f"{key} knows no other placeholder than {_STAGE}: {hint}")
    return parsed


def _headers(token: str) -> dict[str, str]:
    headers = {
        "User-Agent": f"fallbackrouter/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    if not token:
        return headers
    if not _TOKEN.fullmatch(token):
        raise ConfigError("the CRM's token holds a blank or a character past ASCII: check crm.token_file")
    return {**headers, "Authorization": f"Bearer {token}"}
