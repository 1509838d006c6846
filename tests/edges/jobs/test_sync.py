"""The sync against a CRM that pages, limits, drifts and lies: whole or not at all."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock, load_zone
from fallbackrouter.core.errors import FeedError
from fallbackrouter.crm.feed_client import FeedClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.jobs.feed_rows import Reject, RowReader
from fallbackrouter.jobs.intake import Limits
from fallbackrouter.jobs.sync_once import Ask, Outcome, Sync, SyncBusyError, only_one
from fallbackrouter.jobs.sync_state import load_rejects, load_state
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.route_facts import route_facts
from fallbackrouter.store.routes import RoutesCopy
from tests.fakes.calls import GATE
from tests.fakes.feed import FakeFeed, feed_row

pytestmark = pytest.mark.anyio

TOKEN = "secret"  # noqa: S105 - a fake's
LIMITS = Limits(max_shrink=0.3, max_rejects=0.05)
FORCED = Limits(max_shrink=0.3, force=True)


class Here:
    """A folder that is synced from a fake CRM."""

    def __init__(self, folder: Path, feed: FakeFeed) -> None:
        self.folder = folder
        self.routes = folder / "routes.db"
        self.feed = feed
        self.clock = SystemClock()

    async def sync(self, *, full: bool = False, limits: Limits = LIMITS, dry_run: bool = False) -> Outcome:
        resolver = Resolver(clock=self.clock, max_stale_s=60)
        client = FeedClient(
            url=self.feed.url,
            token=TOKEN,
            resolver=resolver,
            clock=self.clock,
            ca_file="",
            client_cert="",
            client_key="",
        )
        reader = RowReader(
            gate=GATE, read_number=Numbering("").read, plain=True, load_zone=load_zone, default_zone="UTC"
        )
        ask = Ask(limits=limits, origin=self.feed.url, full=full, dry_run=dry_run)
        try:
            return await Sync(self.routes, feed=client, reader=reader, clock=self.clock).run(ask)
        finally:
            await client.close()

    def served(self) -> dict[str, str]:
        """Return id -> did of what would serve."""
        copy = RoutesCopy.load(self.routes, gate=GATE, load_zone=load_zone)
        rows = copy._memory.execute("SELECT id, key FROM routes").fetchall() if copy.count else []
        copy.close()
        return {name: key.split("\t")[0].removeprefix("=") for name, key in rows}

    def expected(self) -> dict[str, str]:
        return {name: row["did"] or "" for name, row in self.feed.rows.items()}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    feed = FakeFeed()
    feed.set(*(feed_row(str(count)) for count in range(25)))
    async with feed.running():
        yield Here(tmp_path, feed)


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
async def test_all_pages_of_a_feed_become_visible_together(here: Here, lines: bool, zipped: bool) -> None:
    here.feed.lines, here.feed.zipped, here.feed.page_rows = lines, zipped, 10
    outcome = await here.sync()
    assert here.served() == here.expected()
    assert here.feed.asked == ["/routes", "/routes?page=10", "/routes?page=20"]
    assert all(headers["authorization"] == "Bearer secret" for headers in here.feed.headers)
    assert outcome.changes is not None
    assert (outcome.full, outcome.rows, outcome.changes.added) == (True, 25, 25)
    state = load_state(here.folder)
    assert (state.state, state.error, state.cursor, state.failures) == ("ok", "", "1", 0)


async def test_a_delta_is_asked_for_by_cursor_and_applied(here: Here) -> None:
    await here.sync()
    here.feed.set(feed_row("3", "999"), feed_row("100"))
    here.feed.remove("4", "5")
    here.feed.page_rows = 2
    outcome = await here.sync()
    assert here.served() == here.expected()
    assert here.feed.asked[1:] == ["/routes?cursor=1", "/routes?cursor=1&page=2"]
    assert outcome.changes is not None
    assert (outcome.full, outcome.changes.added, outcome.changes.changed, outcome.changes.removed) == (False, 1, 1, 2)


async def test_an_empty_delta_makes_the_routes_young_and_writes_none(here: Here) -> None:
    await here.sync()
    before, known = here.routes.stat().st_ino, load_state(here.folder)
    outcome = await here.sync()
    after = load_state(here.folder)
    assert outcome.changes is None
    assert here.routes.stat().st_ino == before
    assert known.synced_at is not None
    assert after.synced_at is not None
    assert after.synced_at > known.synced_at
    assert (after.generation, after.last) == (known.generation, known.last)


async def test_a_full_feed_that_is_unchanged_is_told_by_its_etag(here: Here) -> None:
    here.feed.deltas, here.feed.etags = False, True
    assert (await here.sync()).new
    assert not (await here.sync()).new
    assert here.feed.headers[-1]["if-none-match"] == '"1"'
    here.feed.set(feed_row("100"))
    assert (await here.sync()).new
    assert here.served() == here.expected()
    assert (await here.sync(full=True)).new
    assert "if-none-match" not in here.feed.headers[-1]


async def test_a_delta_that_turns_out_to_be_full_replaces_all(here: Here) -> None:
    await here.sync()
    here.feed.deltas = False
    here.feed.remove("1")
    outcome = await here.sync()
    assert here.feed.asked[-1] == "/routes?cursor=1"
    assert outcome.full
    assert here.served() == here.expected()


async def test_routes_that_were_deleted_or_come_from_elsewhere_are_asked_for_anew(here: Here) -> None:
    await here.sync()
    here.routes.unlink()
    await here.sync()
    assert here.feed.asked[-1] == "/routes"
    assert here.served() == here.expected()


Twisted = tuple[int, dict[str, str], bytes] | None


def answer(status: int, body: bytes = b"", **headers: str) -> Any:
    def twist(_path: str, _status: int, _headers: dict[str, str], _body: bytes) -> Twisted:
        return status, {name.replace("_", "-"): value for name, value in headers.items()}, body

    return twist


def at_page(number: int, twist: Any) -> Any:
    """Let a twist happen on one page only."""

    def twisted(path: str, status: int, headers: dict[str, str], body: bytes) -> Twisted:
        result: Twisted = twist(path, status, headers, body) if f"page={number}" in path else (status, headers, body)
        return result

    return twisted


def cut(_path: str, status: int, headers: dict[str, str], body: bytes) -> Twisted:
    return status, {**headers, "x-cut": "100"}, body[: len(body) // 2]


def edited(**changed: object) -> Any:
    def twist(_path: str, status: int, headers: dict[str, str], body: bytes) -> Twisted:
        return status, headers, json.dumps({**json.loads(body), **changed}).encode()

    return twist


FAULTS = {
    "401": (answer(401), "answered with 401: the CRM refuses our token"),
    "403": (answer(403), "answered with 403"),
    "404": (answer(404), "answered with 404"),
    "500": (answer(500), "answered with 500"),
    "503": (answer(503), "answered with 503"),
    "redirect": (answer(302, location="/elsewhere"), "answered with 302"),
    "html": (answer(200, b"<html>login</html>", content_type="text/html"), "a page for people"),
    "html as json": (answer(200, b"<html>login</html>"), "not a JSON object"),
    "empty body": (answer(200), "not JSON"),
    "wrong shape": (answer(200, b'{"result": []}'), 'no list "routes"'),
    "no answer": (lambda *_: None, "closed without an answer"),
    "cut": (cut, "closed in the middle"),
    "not gzip": (answer(200, b"{}", content_encoding="gzip"), "not gzip"),
    "brotli": (answer(200, b"{}", content_encoding="br"), "compressed with br"),
    "circle": (edited(next="?page=10"), "in a circle"),
    "another host": (edited(next="http://127.0.0.1:1/routes"), "another host"),
    "half": (edited(routes=[{"id": 1}, 2]), "rows"),
    "not full": (edited(full=False), '"full": false'),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_feed_that_fails_leaves_the_former_routes(here: Here, name: str) -> None:
    await here.sync()
    before = here.routes.read_bytes()
    here.feed.page_rows = 10
    twist, words = FAULTS[name]
    here.feed.twist = twist if name == "not full" else at_page(10, twist)
    with pytest.raises(FeedError, match=words):
        await here.sync(full=True)
    assert here.routes.read_bytes() == before
    state = load_state(here.folder)
    assert (state.state, state.failures) == ("failing", 1)
    assert words in state.error
    assert {path.name for path in here.folder.iterdir()} <= {
        "routes.db",
        "routes.json",
        "routes.lock",
        "routes-rejects.ndjson",
    }
    here.feed.twist = None
    await here.sync(full=True)
    assert (load_state(here.folder).state, load_state(here.folder).failures) == ("ok", 0)


async def test_a_cursor_that_does_not_move_is_told(here: Here) -> None:
    await here.sync()
    here.feed.set(feed_row("100"))
    here.feed.twist = edited(cursor="1")
    with pytest.raises(FeedError, match="cursor does not move"):
        await here.sync()


async def test_a_crm_that_asks_for_a_moment_is_given_it(here: Here) -> None:
    asked = 0

    def busy_once(_path: str, status: int, headers: dict[str, str], body: bytes) -> Twisted:
        nonlocal asked
        asked += 1
        return (429, {"Retry-After": "0"}, b"") if asked == 1 else (status, headers, body)

    here.feed.twist = busy_once
    await here.sync()
    assert here.served() == here.expected()


async def test_a_crm_that_asks_for_an_hour_is_left_alone_for_now(here: Here) -> None:
    here.feed.twist = answer(503, retry_after="3600")
    with pytest.raises(FeedError, match="503"):
        await here.sync()
    assert load_state(here.folder).retry_after_s == 3600


async def test_a_bomb_is_not_unpacked(here: Here) -> None:
    here.feed.zipped = True
    here.feed.rows = {str(count): feed_row(str(count), pad="0" * 60_000) for count in range(300)}
    with pytest.raises(FeedError, match="grows more than 200 times"):
        await here.sync()


@pytest.mark.parametrize(
    ("keep", "words"),
    [((), "no route that may serve, where 25 serve now"), (tuple(map(str, range(17))), "would drop 8 of 25")],
)
async def test_a_feed_that_drops_too_much_is_refused_unless_it_is_meant(
    here: Here, keep: tuple[str, ...], words: str
) -> None:
    await here.sync()
    here.feed.rows = {name: row for name, row in here.feed.rows.items() if name in keep}
    with pytest.raises(FeedError, match=f"{words}.*--force"):
        await here.sync(full=True)
    assert len(here.served()) == 25
    await here.sync(full=True, limits=FORCED)
    assert here.served() == here.expected()


async def test_rows_that_may_not_serve_are_kept_with_their_reasons(here: Here) -> None:
    here.feed.set(feed_row("bad", "_7[", result={"app": "group", "num": "1"}))
    outcome = await here.sync()
    assert (outcome.rows, outcome.set_aside) == (26, 1)
    assert load_rejects(here.folder)[0].row_id == "bad"
    here.feed.set(*(feed_row(f"worse {count}", result={"app": "fax"}) for count in range(3)))
    with pytest.raises(FeedError, match="4 of 29 rows of the routes feed may not serve"):
        await here.sync(full=True)
    assert Reject("worse 0", "unknown app fax") in load_rejects(here.folder)


async def test_one_bad_row_of_a_small_delta_keeps_no_change_from_coming(here: Here) -> None:
    await here.sync()
    here.feed.set(feed_row("100"), feed_row("bad", result={"app": "fax"}))
    outcome = await here.sync()
    assert (outcome.full, outcome.rows, outcome.set_aside) == (False, 2, 1)
    assert here.served().keys() == here.expected().keys() - {"bad"}
    here.feed.set(*(feed_row(f"worse {count}", result={"app": "fax"}) for count in range(2)))
    with pytest.raises(FeedError, match="2 of 2 rows of the routes feed beside 26 routes may not serve"):
        await here.sync()


async def test_a_dry_run_changes_nothing(here: Here) -> None:
    outcome = await here.sync(dry_run=True)
    assert outcome.changes is not None
    assert outcome.changes.added == 25
    assert {path.name for path in here.folder.iterdir()} == {"routes.lock"}


async def test_one_sync_runs_at_a_time(here: Here) -> None:
    with only_one(here.folder), pytest.raises(SyncBusyError, match="another sync is running"):
        await here.sync()
    assert route_facts(here.routes) is None
    await here.sync()


@pytest.mark.parametrize("page", [0, 1, 2, 3])
async def test_a_file_that_is_damaged_anywhere_is_made_anew_by_the_next_sync(here: Here, page: int) -> None:
    here.feed.set(*(feed_row(str(count)) for count in range(2000)))
    await here.sync()
    body = bytearray(here.routes.read_bytes())
    where = [0, 4096, len(body) // 2 // 4096 * 4096, len(body) - 4096][page]
    body[where : where + 4096] = b"\xa5" * 4096
    here.routes.write_bytes(body)
    here.feed.set(feed_row("2000"))
    outcome = await here.sync()
    assert outcome.new
    assert here.served() == here.expected()
    assert load_state(here.folder).state == "ok"
