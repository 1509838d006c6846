"""A routes feed from a file: what is taken, what is set aside, what is refused whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import MAX_LINE_BYTES, read_feed
from fallbackrouter.jobs.feed_rows import Reject, RowReader
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.route_row import RouteRow
from tests.fakes.calls import GATE

GOOD = {"id": "r1", "did": "8 495 111-11-11", "result": {"app": "group", "num": "62", "time": 100}}


def reader() -> RowReader:
    return RowReader(gate=GATE, read_number=Numbering("RU").read, load_zone=load_zone, default_zone="Europe/Moscow")


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
    assert row.result == {"app": "group", "num": "62", "time": "100"}
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


def test_of_two_rows_with_one_id_the_second_is_set_aside() -> None:
    rows = reader()
    assert isinstance(rows.read(GOOD, 0), RouteRow)
    assert isinstance(rows.read(GOOD, 1), Reject)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_read_however_it_is_written(tmp_path: Path, indent: int | None) -> None:
    file = tmp_path / "feed.json"
    file.write_text(json.dumps({"routes": [GOOD, {}], "full": True}, indent=indent))
    assert list(read_feed(file)) == [GOOD, {}]


def test_ndjson_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "feed.ndjson"
    file.write_text(f"\n{json.dumps(GOOD)}\n\n{json.dumps(GOOD)}\n")
    assert list(read_feed(file)) == [GOOD, GOOD]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "feed.json"
    file.write_text("\n")
    assert list(read_feed(file)) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"routes": [{"id"', "not JSON"),
        ('{"routes": {}}', "no list"),
        ("[1]", "not a JSON object"),
        ("<html>", "not JSON"),
        ('{"routes": [], "full": false}', "delta"),
        ('{"routes": [], "deleted": ["r1"]}', "delta"),
        ('{"routes": [], "next": "/page2"}', "one page"),
        ('{"id": "r1"}\n{"id": "r2"', ":2"),
        ('{"id": "r1"}\n{"id": "' + "x" * MAX_LINE_BYTES + '"}', "longer"),
        ('{"routes": ' + "[" * 200_000, "nested"),
    ],
)
def test_a_feed_of_a_wrong_shape_is_refused_whole(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "feed.json"
    file.write_text(text)
    with pytest.raises(FeedError, match=word):
        list(read_feed(file))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"feed\.json cannot be read"):
        list(read_feed(tmp_path / "feed.json"))
