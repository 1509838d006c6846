"""A routes feed: what is read, what is taken, what is set aside, what is refused whole."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.clock import SystemClock, load_zone
from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import MAX_ROW_BYTES, Batch, PageFacts
from fallbackrouter.jobs.feed_document import Document
from fallbackrouter.jobs.feed_file import FileFeed
from fallbackrouter.jobs.feed_lines import Lines
from fallbackrouter.jobs.feed_rows import FeedRow, Reject, RowReader
from fallbackrouter.jobs.intake import Limits, page_of
from fallbackrouter.jobs.sync_once import Ask, Outcome, Sync
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.route_row import RouteRow
from tests.fakes.calls import GATE

GOOD = {"id": "r1", "did": "8 495 111-11-11", "result": {"app": "group", "num": "62", "time": 100}}


def reader() -> RowReader:
    return RowReader(
        gate=GATE, read_number=Numbering("RU").read, plain=False, load_zone=load_zone, default_zone="Europe/Moscow"
    )


def read(raw: object) -> RouteRow | Reject:
    return reader().read(raw, 0)


def taken(**changed: Any) -> RouteRow:
    row = read({**GOOD, **changed})
    assert isinstance(row, RouteRow), row
    return row


def test_a_row_is_normalised() -> None:
    row = taken(
        caller="+7 (950) 753-33-33",
        stage="init",
        when=["09:00-18:00,mon-fri,*,*"],
        priority=5,
        valid_from="2026-03-08T09:00:00+03:00",
    )
    assert (row.did, row.caller, row.stage) == ("74951111111", "79507533333", "init")
    assert json.loads(row.result) == {"app": "group", "num": "62", "time": "100"}
    assert row.timezone == "Europe/Moscow"
    assert row.valid_from is not None
    assert row.valid_from.isoformat() == "2026-03-08T06:00:00+00:00"


@pytest.mark.parametrize(
    ("did", "expected"), [(None, ""), ("any", ""), ("_7495XXXXXXX", "_7495XXXXXXX"), ("632", "632")]
)
def test_a_did_is_any_a_pattern_or_a_number(did: str | None, expected: str) -> None:
    assert taken(did=did).did == expected


def test_a_caller_may_be_withheld() -> None:
    assert taken(caller="withheld").caller == "withheld"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"id": None}, "no id"),
        ({"id": "x" * 81}, "longer"),
        ({"id": "a\nb"}, "control"),
        ({"did": "_7[495"}, "pattern"),
        ({"did": "withheld"}, "withheld"),
        ({"did": ["1", "2"]}, "not text"),
        ({"did": 7}, "not text"),
        ({"stage": "Init!"}, "stage"),
        ({"when": "9-18"}, "when"),
        ({"when": 9}, "when"),
        ({"when": ["09:00-18:00,*,*,*"] * 51}, "more than"),
        ({"timezone": "Mars/Base"}, "time zone"),
        ({"priority": "high"}, "priority"),
        ({"priority": True}, "priority"),
        ({"valid_from": "tomorrow"}, "valid_from"),
        ({"valid_until": "2026-03-08T09:00:00"}, "valid_until"),
        ({"result": None}, "no result"),
        ({"result": {"app": "fax"}}, "unknown app"),
        ({"result": {"app": "group", "num": "1,2"}}, "num"),
        ({"reslut": {}}, "reslut"),
    ],
)
def test_a_row_that_fails_is_set_aside_with_its_reason(changed: dict[str, Any], word: str) -> None:
    row = read({**GOOD, **changed})
    assert isinstance(row, Reject)
    assert word in row.reason


@pytest.mark.parametrize("raw", [None, 7, "text", []])
def test_what_is_no_row_is_named_by_its_place(raw: object) -> None:
    assert read(raw) == Reject("#1", "the row is not a JSON object")


def pages(text: str, size: int) -> tuple[list[object], PageFacts | None]:
    """Read a feed's text in pieces; rows as plain JSON."""
    data = text.encode()
    page = page_of(data, "feed")
    batches = []
    for start in range(0, len(data), size):
        batches += page.feed(data[start : start + size])
    rest, facts = page.end()
    return [row for batch in (*batches, *rest) for row in rows_of(batch)], facts


def rows_of(batch: Batch) -> list[object]:
    return [*map(as_json, batch.usual), *batch.odd]


def as_json(row: FeedRow) -> dict[str, object]:
    given = {name: getattr(row, name) for name in row.__struct_fields__}
    read = {name: value for name, value in given.items() if value != getattr(FeedRow(), name)}
    return {name: json.loads(bytes(value)) if isinstance(value, msgspec.Raw) else value for name, value in read.items()}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_read_however_it_is_written_and_comes(indent: int | None, size: int) -> None:
    told = {"cursor": "c", "deleted": ["x", 7], "routes": [GOOD, {}, {"id": 1, "a": {"b": [{}, {}]}}], "full": True}
    rows, facts = pages(json.dumps(told, indent=indent), size)
    assert rows == told["routes"]
    assert facts == PageFacts(deleted=["x", 7], cursor="c", full=True)


@pytest.mark.parametrize("size", [1, 13, 100_000])
def test_ndjson_is_read_line_by_line_with_its_last_line(size: int) -> None:
    rows, facts = pages(f'\n{json.dumps(GOOD)}\n\n{json.dumps(GOOD)}\n{{"full": true, "next": null}}\n', size)
    assert rows == [GOOD, GOOD]
    assert facts == PageFacts(full=True)


def test_many_rows_come_in_batches_of_usual_ones() -> None:
    rows = [{"id": f"r{count}", "result": {"app": "group", "num": "},{"}} for count in range(20_000)]
    page = page_of(b'{"routes": [', "feed")
    data = json.dumps({"routes": rows}).encode()
    batches = [batch for start in range(0, len(data), 65_536) for batch in page.feed(data[start : start + 65_536])]
    rest, _ = page.end()
    read = [row for batch in (*batches, *rest) for row in rows_of(batch)]
    assert read == rows
    assert sum(len(batch.odd) for batch in (*batches, *rest)) < 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text('{}[],:"\\ aé', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abid{,", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=6), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_any_document_is_read_as_json_reads_it(rows: list[Any], size: int, indent: int | None, first: bool) -> None:
    text = json.dumps({"routes": rows, "full": True} if first else {"full": True, "routes": rows}, indent=indent)
    document = Document("feed")
    data = text.encode()
    batches = [batch for start in range(0, len(data), size) for batch in document.feed(data[start : start + size])]
    rest, facts = document.end()
    read = [row for batch in (*batches, *rest) for row in rows_of(batch)]
    assert read == rows
    assert facts == PageFacts(full=True)


@given(st.binary(max_size=200) | st.text('{}[],:"\\ routesid1', max_size=60).map(str.encode), st.integers(1, 50))
def test_whatever_comes_is_read_or_refused(data: bytes, size: int) -> None:
    for page in (Document("feed"), Lines("feed")):
        with suppress(FeedError):
            for start in range(0, len(data), size):
                page.feed(data[start : start + size])
            page.end()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"routes": [{"id"', "is cut"),
        ('{"routes": [{"id": "r1"}', "is cut"),
        ('{"routes": [{"id": "r1"}]', "not JSON"),
        ('{"routes": {}}', "no list"),
        ("[1]", "not a JSON object"),
        ("<html>", "not a JSON object"),
        ('{"routes": [], "full": "yes"}', "full"),
        ('{"routes": [], "deleted": [[1]]}', "deleted"),
        ('{"routes": [{"id": "r1"} {"id": "r2"}]}', "comma"),
        ('{"id": "r1"}\n{"id": "r2"', ":2"),
        ('{"id": "r1"}\n{"full": true}\n{"id": "r2"}', "follow"),
        ('{"id": "r1"}\n{"id": "' + "x" * MAX_ROW_BYTES + '"}', "longer"),
        ('{"routes": [{"id": "' + "x" * 400_000 + '"}]}', "longer"),
        ('{"routes": ' + "[" * 200_000, "nested"),
    ],
)
def test_a_feed_of_a_wrong_shape_is_refused_whole(text: str, word: str) -> None:
    with pytest.raises(FeedError, match=word):
        pages(text, 50_000)


class Place:
    """A folder to sync into."""

    def __init__(self, folder: Path) -> None:
        self.routes = folder / "routes.db"
        self.feed = folder / "feed.json"

    def sync(self, text: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        self.feed.write_text(text)
        return self.sync_file(self.feed, force=force, dry_run=dry_run)

    def sync_file(self, source: Path, *, force: bool = False, dry_run: bool = False) -> Outcome:
        limits = Limits(max_shrink=0.3, max_rejects=0.25, force=force)
        ask = Ask(limits=limits, origin="file", full=True, dry_run=dry_run, source="the file")
        sync = Sync(self.routes, feed=FileFeed(source), reader=reader(), clock=SystemClock())
        return asyncio.run(sync.run(ask))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def feed_of(*ids: str, **facts: object) -> str:
    return json.dumps({"routes": [{**GOOD, "id": one} for one in ids], **facts})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (feed_of("1", full=False), '"full": false'),
        (feed_of(deleted=["r1"]), "no route that may serve"),
        (feed_of("1", next="/page2"), "one page"),
        (feed_of(), "no route that may serve"),
        ("\n", "not JSON"),
        (feed_of("1", "2"), "would drop 2 of 4"),
        (feed_of("5", "6", "7", "8"), "would drop 4 of 4"),
        (json.dumps({"routes": [{**GOOD, "id": one} for one in "1234"] + [{}, {}]}), "2 of 6 rows"),
    ],
)
def test_a_doubtful_feed_leaves_the_former_routes(place: Place, text: str, word: str) -> None:
    place.sync(feed_of("1", "2", "3", "4"))
    before = place.routes.read_bytes()
    with pytest.raises(FeedError, match=word):
        place.sync(text)
    assert place.routes.read_bytes() == before
    left = {path.name for path in place.routes.parent.iterdir()}
    assert left <= {"feed.json", "routes.db", "routes.json", "routes.lock", "routes-rejects.ndjson"}


def test_what_is_meant_is_taken_and_a_dry_run_changes_nothing(place: Place) -> None:
    place.sync(feed_of("1", "2", "3", "4"))
    before = place.routes.read_bytes()
    tried = place.sync(feed_of("1"), force=True, dry_run=True)
    assert tried.changes is not None
    assert (tried.changes.removed, place.routes.read_bytes() == before) == (3, True)
    emptied = place.sync(feed_of(), force=True).changes
    assert emptied is not None
    assert emptied.count == 0


def test_rows_that_may_not_serve_are_set_aside_with_their_reasons(place: Place) -> None:
    synced = place.sync(json.dumps({"routes": [{**GOOD, "id": one} for one in "1234"] + [{**GOOD, "result": {}}]}))
    assert synced.changes is not None
    assert (synced.changes.count, synced.set_aside) == (4, 1)
    assert synced.rejects == (Reject("r1", "no app"),)


def test_a_file_that_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(FeedError, match=r"other\.json cannot be read: no such file"):
        place.sync_file(place.feed.with_name("other.json"))
