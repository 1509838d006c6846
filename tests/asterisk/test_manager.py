"""The manager client against a real Asterisk, with the rights that the documents give it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fallbackrouter.ami.client import AmiClient, Channel
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import AmiError
from fallbackrouter.doctor.asterisk import TOO_MUCH
from tests.asterisk.ami import PATIENCE_S
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.settings import ROUTER, SECRET, USER

pytestmark = pytest.mark.asterisk

STANDING = f"[standing]\nexten => _X.,1,{STOP_HERE}"


def _with_client(
    exchange: Exchange, work: Callable[[AmiClient], Awaitable[Any]], *, user: str = ROUTER, secret: str = SECRET
) -> Any:
    """Log in, do some work, and return its result."""

    async def run() -> Any:
        client = AmiClient(
            address="127.0.0.1",
            port=exchange.manager_port,
            user=user,
            secret=secret,
            clock=SystemClock(),
            patience_s=PATIENCE_S,
            ping_every_s=0.1,
        )
        await client.start()
        try:
            await client.ready(PATIENCE_S)
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


@pytest.mark.core
def test_it_knows_the_channels_that_live(exchange: Exchange) -> None:
    async def channels(client: AmiClient) -> list[Channel]:
        await asyncio.sleep(0.5)  # pings are answered meanwhile
        return await client.channels(PATIENCE_S)

    exchange.load(STANDING)
    tokens = [exchange.call("100", "standing", CallerID='"Жозефина" <79507533333>') for _ in range(20)]
    places = {exchange.call_id(token): exchange.arrival(token) for token in tokens}
    found = {one.uniqueid: one for one in _with_client(exchange, channels)}
    for token in tokens:
        own = found[exchange.call_id(token)]
        assert own.name == places[own.uniqueid]
        assert own.linkedid == found[f"{token}-out"].linkedid
        exchange.ami.actions("Hangup", [{"Channel": own.name}])


def test_it_has_a_dialplan_reloaded(exchange: Exchange) -> None:
    exchange.load("[before]\nexten => 1,1,NoOp()")
    file = exchange.folder / "extensions.conf"
    file.write_text("[after]\nexten => 1,1,NoOp()\n", encoding="utf-8")
    _with_client(exchange, lambda client: client.reload_dialplan(PATIENCE_S), user=USER)
    assert exchange.ami.read_many(["DIALPLAN_EXISTS(after,1,1)", "DIALPLAN_EXISTS(before,1,1)"]) == ["1", "0"]


def test_a_user_without_the_right_is_told_which_one(exchange: Exchange) -> None:
    with pytest.raises(AmiError, match=r"Permission denied\); where it says Permission denied.*write = system"):
        _with_client(exchange, lambda client: client.reload_dialplan(PATIENCE_S))


def test_it_knows_its_rights(exchange: Exchange) -> None:
    least = _with_client(exchange, lambda client: client.allowed(PATIENCE_S))
    assert "CoreShowChannels" in least
    assert not {"Reload", *TOO_MUCH} & least
    assert {"Reload", *TOO_MUCH} < _with_client(exchange, lambda client: client.allowed(PATIENCE_S), user=USER)


def test_a_wrong_secret_is_said(exchange: Exchange) -> None:
    with pytest.raises(AmiError, match="refuses the user router"):
        _with_client(exchange, lambda client: client.channels(PATIENCE_S), secret=SECRET + "x")
