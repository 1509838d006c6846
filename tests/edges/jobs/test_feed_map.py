"""Feeds with other names: what is found, what is set aside, what is refused."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import PageFacts
from fallbackrouter.jobs.feed_map import MapError, shape_of
from fallbackrouter.jobs.intake import page_of

MAPPING = {
    "routes": "items",
    "id": "uid",
    "did": "phones[0]",
    "caller": "client.phone",
    "result": "{app: 'group', num: to_string(team)}",
    "next": "links.next",
    "cursor": "meta.stamp",
    "full": "meta.all",
    "deleted": "gone[].uid",
}
ROW = {"uid": 7, "phones": ["74951111111", "1"], "client": {"phone": "79501111111"}, "team": 62, "stage": "init"}
READ = {
    "id": 7,
    "did": "74951111111",
    "caller": "79501111111",
    "result": {"app": "group", "num": "62"},
    "stage": "init",
}


def read(mapping: dict[str, str], text: str, size: int = 50) -> tuple[list[Any], PageFacts | None]:
    data = text.encode()
    page = page_of(data, "feed", shape_of(mapping))
    batches = [batch for start in range(0, len(data), size) for batch in page.feed(data[start : start + size])]
    rest, facts = page.end()
    return [row for batch in (*batches, *rest) for row in batch.odd], facts


@pytest.mark.parametrize("where", ["items", "data.items", "data.items[?team > `5`]"])
def test_a_document_is_read_by_other_names(where: str) -> None:
    items = {"items": [ROW, ROW]}
    told = {"meta": {"stamp": 12, "all": False}, "links": {"next": "/2"}, "gone": [{"uid": 3}, {"uid": "x"}]}
    document = {**told, **(items if where == "items" else {"data": items})}
    rows, facts = read({**MAPPING, "routes": where}, json.dumps(document))
    assert rows == [READ, READ]
    assert facts == PageFacts(deleted=[3, "x"], next="/2", cursor=12, full=False)


def test_lines_are_read_by_other_names() -> None:
    text = f'{json.dumps(ROW)}\n{json.dumps(ROW)}\n{{"meta": {{"stamp": 3, "all": true}}}}\n'
    rows, facts = read(MAPPING, text)
    assert rows == [READ, READ]
    assert facts == PageFacts(cursor=3, full=True)


def test_a_row_on_which_an_expression_fails_is_told_with_its_name() -> None:
    mapping = {"routes": "items", "id": "uid", "did": "join('', team)", "result": "r"}
    [row], _ = read(mapping, json.dumps({"items": [ROW]}))
    assert row["id"] == 7
    assert any("sync.map.did fails" in name for name in row)


def test_a_list_that_is_not_there_is_told() -> None:
    with pytest.raises(FeedError, match="no list where sync"):
        read({"routes": "data.items"}, '{"data": {"item": []}}')
    with pytest.raises(FeedError, match='no list "items"'):
        read({"routes": "items"}, '{"routes": []}')


@pytest.mark.parametrize(
    ("mapping", "words"),
    [({"did": "phones["}, "is no JMESPath"), ({"number": "n"}, "can be mapped"), ({"id": "x" * 3000}, "longer")],
)
def test_a_mapping_that_cannot_be_used_is_told(mapping: dict[str, str], words: str) -> None:
    with pytest.raises(MapError, match=words):
        shape_of(mapping)


PAGE = (Path(__file__).parents[3] / "docs" / "crm-contract.md").read_text(encoding="utf-8")
WORKED = re.findall(
    r"^```toml\n\[sync\.map\]\n(.*?)^```\n\n```json\n(.*?)^```\n\n```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("example", WORKED)
def test_the_page_s_mappings_do_what_it_says(example: tuple[str, str, str]) -> None:
    mapping, feed, expected = example
    rows, _ = read(tomllib.loads(mapping), feed)
    assert [{name: value for name, value in row.items() if value is not None} for row in rows] == [json.loads(expected)]


def test_there_are_three_worked_mappings() -> None:
    assert len(WORKED) == 3
