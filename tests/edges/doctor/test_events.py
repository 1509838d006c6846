"""Events that wait, and those that lie there refused or dead."""

import pytest

from tests.fakes.examined import Examined, levels
from tests.fakes.outbox import Events

pytestmark = pytest.mark.anyio
URL = "http://127.0.0.1:9/{stage}"


@pytest.fixture
def events(examined: Examined) -> Events:
    examined.ask(URL)
    examined.data_dir.mkdir()
    return Events(examined.journal)


async def test_before_the_first_start_there_is_nothing_to_look_at(examined: Examined) -> None:
    assert levels(await examined.look("events")) == ["skip"]


async def test_none_or_some_that_wait_a_moment_are_well(examined: Examined, events: Events) -> None:
    assert levels(await examined.look("events")) == ["ok"]
    events.add(3, age_s=60)
    [well] = await examined.look("events")
    assert levels([well]) == ["ok"]
    assert "6 wait" in well.what


async def test_one_that_waits_for_long_is_told(examined: Examined, events: Events) -> None:
    events.add(2, ("start",), age_s=7300)
    [old] = await examined.look("events")
    assert levels([old]) == ["warn"]
    assert "2 wait, the oldest for 2 hours" in old.what


async def test_those_that_nobody_can_be_told_of_are_told(examined: Examined, events: Events) -> None:
    examined.configure()
    events.add(1, ("start",))
    [lonely] = await examined.look("events")
    assert levels([lonely]) == ["warn"]
    assert "crm.url" in lonely.what


async def test_refused_and_dead_ones_are_told(examined: Examined, events: Events) -> None:
    events.add(5, ("start",))
    events.run("UPDATE events SET state = 'refused' WHERE call_key < '170.2'")
    events.run("UPDATE events SET state = 'dead' WHERE call_key = '170.4'")
    dead, refused = await examined.look("events")
    assert levels([dead, refused]) == ["warn", "warn"]
    assert "1 are dead" in dead.what
    assert "2 were refused" in refused.what


async def test_a_journal_that_is_none_fails(examined: Examined) -> None:
    examined.data_dir.mkdir()
    examined.journal.write_bytes(b"no database" * 1000)
    assert levels(await examined.look("events")) == ["fail"]
