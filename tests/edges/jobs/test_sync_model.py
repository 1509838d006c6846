"""Any sequence of full feeds, deltas, refusals and crashes leaves what a dictionary would hold."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fallbackrouter.clock import SystemClock, load_zone
from fallbackrouter.core.errors import FeedError
from fallbackrouter.crm.feed_client import FetchError
from fallbackrouter.jobs import sync_once
from fallbackrouter.jobs.feed_rows import RowReader
from fallbackrouter.jobs.intake import Limits
from fallbackrouter.jobs.sync_once import Ask, Sync
from fallbackrouter.numbering import Numbering
from fallbackrouter.store import route_draft
from fallbackrouter.store.routes_read import read_routes
from tests.fakes.calls import GATE
from tests.proof.examples import examples

PAGE_ROWS = 3
IDS = st.sampled_from([f"r{number}" for number in range(12)])
DIDS = st.sampled_from(["", "7495", "74951", "_7495.", "_749[5-7]X.", "_7X", "810"])
KINDS = st.sampled_from(["1", "2"])


class _Killed(BaseException):
    """The process ends here."""


@dataclass
class _Page:
    body: bytes
    cut: bool
    unchanged: bool = False
    etag: str = ""
    lines: bool = False
    may_lack_end: bool = False

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.body[: len(self.body) // 2] if self.cut else self.body
        if self.cut:
            raise FetchError("the page was cut")


class _Crm:
    """What the CRM knows, as versions of a dictionary; fails on one page, or kills whoever asks for it."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, str]] = {}
        self.touched: list[str] = []
        self.fault = ""
        self.fault_page = -1
        self.pages = 0
        self.deltas = True

    def first(self, cursor: str) -> str:
        return f"{cursor}:0"

    def following(self, url: str, told: str) -> str:
        del url
        return told

    @asynccontextmanager
    async def page(self, url: str, etag: str = "") -> AsyncIterator[_Page]:
        del etag
        self.pages += 1
        hit = self.pages - 1 == self.fault_page
        if hit and self.fault == "kill":
            raise _Killed
        if hit and self.fault == "500":
            raise FetchError("answered with 500")
        yield _Page(json.dumps(self._told(url)).encode(), cut=hit and self.fault == "cut")

    def _told(self, url: str) -> dict[str, object]:
        cursor, _, start = url.rpartition(":")
        known = cursor if self.deltas else ""
        ids = sorted(set(self.touched[int(known) :])) if known else sorted(self.rows)
        begin = int(start)
        shown = ids[begin : begin + PAGE_ROWS]
        more = begin + PAGE_ROWS < len(ids)
        return {
            "routes": [self._row(one) for one in shown if one in self.rows],
            "deleted": [one for one in shown if one not in self.rows],
            "next": f"{cursor}:{begin + PAGE_ROWS}" if more else None,
            "cursor": None if more else str(len(self.touched)),
            "full": not known,
        }

    def _row(self, one: str) -> dict[str, object]:
        did, kind = self.rows[one]
        return {"id": one, "did": did or None, "result": {"app": "group", "num": kind}}


class SyncedRoutes(RuleBasedStateMachine):
    """The routes that serve against the CRM's dictionary as it was when a sync last went well."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sync-model-"))
        self.crm = _Crm()
        self.model: dict[str, tuple[str, str]] | None = None
        self.clock = SystemClock()

    @initialize(count=st.integers(1, 9))
    def begin(self, count: int) -> None:
        for number in range(count):
            self._put(f"r{number}", "7495", "1")

    def _put(self, one: str, did: str, kind: str) -> None:
        self.crm.rows[one] = (did, kind)
        self.crm.touched.append(one)

    @rule(rows=st.lists(st.tuples(IDS, DIDS, KINDS), min_size=1, max_size=4))
    def change(self, rows: list[tuple[str, str, str]]) -> None:
        for row in rows:
            self._put(*row)

    @rule(rows=st.lists(st.tuples(IDS, DIDS, KINDS), min_size=1, max_size=4), gone=IDS)
    def change_and_sync(self, rows: list[tuple[str, str, str]], gone: str) -> None:
        self.change(rows)
        self.delete(gone)
        self.sync(full=False)

    @rule(one=IDS)
    def delete(self, one: str) -> None:
        if len(self.crm.rows) > 1 and self.crm.rows.pop(one, ("", "")) != ("", ""):
            self.crm.touched.append(one)

    @rule(knows=st.booleans())
    def know_deltas(self, knows: bool) -> None:
        self.crm.deltas = knows

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        self._run(full=full, force=True)
        self.model = dict(self.crm.rows)

    @rule(full=st.booleans(), fault=st.sampled_from(["500", "cut"]), page=st.integers(0, 3))
    def fail(self, full: bool, fault: str, page: int) -> None:
        self.crm.fault, self.crm.fault_page = fault, page
        try:
            self._run(full=full, force=True)
        except FeedError:
            return
        self.model = dict(self.crm.rows)

    @rule(full=st.booleans(), page=st.integers(0, 3))
    def die_at_a_page(self, full: bool, page: int) -> None:
        self.crm.fault, self.crm.fault_page = "kill", page
        with suppress(_Killed):
            self._run(full=full, force=True)
            self.model = dict(self.crm.rows)

    @rule(full=st.booleans(), after=st.booleans())
    def die_around_the_rename(self, full: bool, after: bool) -> None:
        def dying(put: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
            def die(new: Path, path: Path) -> None:
                if after:
                    put(new, path)
                    self.model = dict(self.crm.rows)
                raise _Killed

            return die

        with mock.patch.object(route_draft, "_put_in_place", dying(route_draft._put_in_place)), suppress(_Killed):
            self._run(full=full, force=True)
            self.model = dict(self.crm.rows)

    @rule(full=st.booleans())
    def die_before_the_state_is_saved(self, full: bool) -> None:
        with mock.patch.object(sync_once, "save_state", side_effect=_Killed), suppress(_Killed):
            self._run(full=full, force=True)
        self.model = dict(self.crm.rows)

    @rule()
    def refuse_what_shrinks(self) -> None:
        if not self.model or set(self.crm.rows) - set(self.model):
            return
        gone = set(self.model) - set(self.crm.rows)
        try:
            self._run(full=True, force=False)
        except FeedError:
            assert len(gone) > 0.3 * len(self.model)
            return
        assert len(gone) <= 0.3 * len(self.model)
        self.model = dict(self.crm.rows)

    @rule()
    def lose_the_state(self) -> None:
        (self.folder / "routes.json").unlink(missing_ok=True)

    def _run(self, *, full: bool, force: bool) -> None:
        reader = RowReader(
            gate=GATE, read_number=Numbering("").read, plain=True, load_zone=load_zone, default_zone="UTC"
        )
        ask = Ask(limits=Limits(max_shrink=0.3, force=force), origin="model", full=full)
        self.crm.pages = 0
        sync = Sync(self.folder / "routes.db", feed=self.crm, reader=reader, clock=self.clock)
        try:
            asyncio.run(sync.run(ask))
        finally:
            self.crm.fault_page = -1

    @invariant()
    def the_routes_are_the_model(self) -> None:
        path = self.folder / "routes.db"
        if self.model is None:
            assert not path.exists()
            return
        served = {row["id"]: (row.get("did", ""), row["result"]["num"]) for row in read_routes(path)}
        assert served == self.model

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


TestSyncedRoutes = SyncedRoutes.TestCase
TestSyncedRoutes.settings = settings(
    max_examples=examples(150, full=1500), stateful_step_count=30, deadline=None, print_blob=True
)
