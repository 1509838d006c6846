"""Routes that are young, old, missing, or that nobody feeds any more."""

import re
from datetime import timedelta

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.jobs.feed_rows import Reject
from fallbackrouter.jobs.sync_state import SyncState, save_rejects, save_state
from tests.fakes.examined import Examined, levels
from tests.fakes.routes import route_row, write_routes

pytestmark = pytest.mark.anyio


async def test_without_a_feed_there_is_nothing_to_look_at(examined: Examined) -> None:
    assert levels(await examined.look("routes")) == ["skip"]


async def test_young_routes_are_well_and_old_ones_are_told(examined: Examined) -> None:
    examined.configure('[crm]\nroutes_url = "http://127.0.0.1:9/routes"\n')
    [none] = await examined.look("routes")
    assert (none.level, none.what) == ("warn", "none were synced yet")
    examined.data_dir.mkdir()
    now_at = SystemClock().now_at()
    write_routes(examined.data_dir / "routes.db", [route_row("a", "1")], synced_at=now_at - timedelta(seconds=100))
    [young] = await examined.look("routes")
    assert young.level == "ok"
    told = re.fullmatch(r"1 routes, as the CRM had them (\d+) s ago", young.what)
    assert told
    assert 100 <= int(told[1]) <= (SystemClock().now_at() - now_at).total_seconds() + 101
    write_routes(examined.data_dir / "routes.db", [route_row("a", "1")], synced_at=now_at - timedelta(hours=3))
    [old] = await examined.look("routes")
    assert (old.level, old.what) == ("warn", "1 routes, as the CRM had them 3 h ago, which is long")


async def test_a_feed_that_fails_and_rows_set_aside_are_told(examined: Examined) -> None:
    examined.data_dir.mkdir()
    now_at = SystemClock().now_at()
    write_routes(examined.data_dir / "routes.db", [route_row("a", "1")], synced_at=now_at)
    save_state(examined.data_dir, SyncState(state="failing", since=now_at, error="it was answered with 500"))
    save_rejects(examined.data_dir, [Reject("r1", "no app")])
    failing, aside = await examined.look("routes")
    assert levels([failing, aside]) == ["warn", "warn"]
    assert "the feed fails: it was answered with 500" in failing.what
    assert "1 rows of the last feed" in aside.what
