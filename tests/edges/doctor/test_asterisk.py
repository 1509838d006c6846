"""The doctor logs in at the manager interface, and says what is missing."""

import pytest

from tests.fakes.ami import SECRET, USER, FakeAmi
from tests.fakes.examined import Examined, levels

pytestmark = pytest.mark.anyio


def _configure(examined: Examined, port: int, secret: str = SECRET) -> None:
    examined.configure(f'[ami]\nconnect = "127.0.0.1:{port}"\nuser = "{USER}"\nsecret = "{secret}"')


async def test_it_is_let_in_and_sees_the_channels(examined: Examined) -> None:
    async with FakeAmi() as fake:
        fake.channels = [("1.1", "1.1", "PJSIP/1")]
        _configure(examined, fake.port)
        [found] = await examined.look("asterisk")
        assert (found.level, found.what) == ("ok", "the manager interface lets router in and tells of 1 channels")


async def test_a_user_who_may_too_much_or_too_little_is_warned_of(examined: Examined) -> None:
    async with FakeAmi() as fake:
        _configure(examined, fake.port)
        fake.allowed += ["Command", "UpdateConfig"]
        found = await examined.look("asterisk")
        assert levels(found) == ["ok", "warn"]
        assert "(Command, UpdateConfig)" in found[1].what
        fake.allowed = ["CoreShowChannels"]
        examined.config.write_text(examined.config.read_text() + '[dialplan]\nauto = true\nfile = "x.conf"\n')
        found = await examined.look("asterisk")
        assert levels(found) == ["ok", "warn"]
        assert "write = reporting,system" in found[1].remedy
        fake.allowed += ["Reload"]
        assert levels(await examined.look("asterisk")) == ["ok"]


async def test_without_a_user_there_is_nothing_to_look_at(examined: Examined) -> None:
    assert levels(await examined.look("asterisk")) == ["skip"]


async def test_nobody_there_a_wrong_secret_and_too_few_rights_each_have_a_remedy(examined: Examined) -> None:
    async with FakeAmi() as fake:
        _configure(examined, fake.port, "wrong")
        refused = await examined.look("asterisk")
        fake.refused = {"CoreShowChannels"}
        _configure(examined, fake.port)
        forbidden = await examined.look("asterisk")
    away = await examined.look("asterisk")
    assert levels(refused + forbidden + away) == ["fail"] * 3
    assert "ami.secret_file" in refused[0].remedy
    assert "write = reporting" in forbidden[0].remedy
    assert "manager.conf" in away[0].remedy
