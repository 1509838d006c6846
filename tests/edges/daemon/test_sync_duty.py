"""The duty of fetching routes: its hours, and what it says of itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.config.load import Loaded
from fallbackrouter.config.settings import Crm, Rules, Settings, Sync
from fallbackrouter.daemon.behind.duty import Inside
from fallbackrouter.daemon.behind.sync import SyncRoutes
from fallbackrouter.jobs.sync_state import SyncState, save_state
from fallbackrouter.store.journal import JournalWriter
from tests.fakes.clock import FakeClock
from tests.fakes.feed import FakeFeed, feed_row

pytestmark = pytest.mark.anyio
NIGHT, NOON = datetime(2026, 3, 3, 1, 0, tzinfo=UTC), datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class House:
    """What a duty is given, with a clock that is turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(NOON)
        self.said: list[dict[str, Any]] = []
        self.threads = ThreadPoolExecutor(1)

    def duty(self, url: str, **sync: Any) -> SyncRoutes:
        settings = Settings(
            last_resort={"app": "hangup"},
            data_dir=".",
            crm=Crm(routes_url=url),
            rules=Rules(timezone="UTC"),
            sync=Sync(**sync),
        )
        journal = self.folder / "journal.db"
        duty = SyncRoutes.where_wanted(
            Inside(
                loaded=Loaded(settings, None, self.folder),
                token="",
                journal_path=journal,
                journal=JournalWriter(journal, on_note=print, on_overflow=print),
                clock=self.clock,
                say=self.said.append,
                writing=self.threads,
            )
        )
        assert duty is not None
        return duty


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.threads.shutdown()


async def test_all_routes_are_fetched_in_their_hours_alone_and_changes_at_any_hour(house: House) -> None:
    feed = FakeFeed(deltas=False)
    feed.set(*(feed_row(str(number)) for number in range(5)))
    async with feed.running():
        duty = house.duty(feed.url, window=["22:00-06:00,*,*,*"])
        await duty._once()
        assert len(feed.asked) == 1, "the first routes are fetched at any hour"
        await duty._once()
        assert len(feed.asked) == 1, "all of them again are not, at noon"
        house.clock.at = NIGHT
        await duty._once()
        assert len(feed.asked) == 2
        house.clock.at, feed.deltas = NOON, True
        await duty._now({"full": True})
        await duty._once()
        assert len(feed.asked) == 3, "who asks for all gets them"
        await duty._once()
        assert feed.asked[-1] == "/routes?cursor=1", "what has changed is fetched at any hour"
    assert {word["say"] for word in house.said} == {"routes_changed"}


async def test_it_tells_how_old_the_routes_are(house: House) -> None:
    duty = house.duty("http://127.0.0.1:9/routes", stale_after_s=900)
    assert duty.facts()["sync"]["state"] == "never"
    for age_s, state in ((900, "ok"), (901, "stale")):
        save_state(house.folder, SyncState(state="ok", synced_at=NOON - timedelta(seconds=age_s), generation="g"))
        duty._state = await duty._in_thread_state()
        told = duty.facts()["sync"]
        assert (told["state"], told["age_s"]) == (state, age_s)


async def test_a_feed_that_fails_is_left_alone_for_longer_each_time(house: House) -> None:
    duty = house.duty("http://127.0.0.1:9/routes", every_s=10, max_backoff_s=100)
    duty._chance = lambda: 0.999
    waits = [await duty._once() for _ in range(5)]
    assert [round(wait) for wait in waits] == [10, 20, 40, 80, 100]
    assert duty.facts()["sync"]["failures"] == 5
    assert "connection refused" in duty.facts()["sync"]["error"]
    assert house.said == []
