"""How listening addresses are spelled."""

import pytest

from fallbackrouter.core.errors import ConfigError
from fallbackrouter.daemon.listeners import spelled, split


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:4573", "127.0.0.1", 4573), ("[::1]:4573", "::1", 4573), ("0.0.0.0:0", "0.0.0.0", 0)],  # noqa: S104 - no socket is bound
)
def test_an_address_is_split_and_spelled_again(text: str, host: str, port: int) -> None:
    assert split(text, "agi.listen") == (host, port)
    assert spelled(host, port) == text


def test_spellings_of_one_address_are_one() -> None:
    assert spelled(*split("[0:0:0::1]:4573", "agi.listen")) == "[::1]:4573"


@pytest.mark.parametrize("text", ["", "127.0.0.1", "localhost:4573", ":4573", "1.2.3.4:", "1.2.3.4:http", "4573"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no address with a port"):
        split(text, "agi.listen")
