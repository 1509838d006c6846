"""What a page of a routes feed holds: batches of rows, and what the page says of itself at its end.

Two forms are read as their bytes come: a JSON document (feed_document) and NDJSON (feed_lines). Rules: memory does not
grow with the page; sizes are bounded; a page whose shape is wrong is refused whole.

Source: docs/crm-contract.md, "Routes feed".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed_rows import FeedRow

MAX_ROW_BYTES = 65_536
MAX_FACTS_BYTES = 32_000_000
"""The most that a page says beside its rows; `deleted` may be long."""
FACTS = frozenset(("deleted", "next", "cursor", "full"))
MAX_WHOLE_BYTES = 64_000_000
"""The most of a page that has to be read whole."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a page: `usual` where all are of the right kinds, else `odd`, decoded JSON of any shape."""

    usual: Sequence[FeedRow] = ()
    odd: Sequence[object] = ()

    def __len__(self) -> int:
        return len(self.usual) + len(self.odd)


class PageFacts(msgspec.Struct, frozen=True):
    """What a page says of itself.

    Attributes:
        deleted: ids that are gone, in a delta.
        next: the next page's URL, None on the last.
        cursor: what the CRM wants to be asked with next time.
        full: these are all routes; None where the page does not say.
    """

    deleted: list[str | int] = msgspec.field(default_factory=list)
    next: str | None = None
    cursor: str | int | None = None
    full: bool | None = None


class FeedShape:
    """What a feed's parts are called; this one as the contract calls them.

    Attributes:
        list_name: the key of a document's list of routes; "": it lies deeper, and the document is read whole.
        typed: rows are spelled as the contract has them, so that msgspec reads them at once.
    """

    def __init__(self, list_name: str = "routes", *, typed: bool = True) -> None:
        self.list_name = list_name
        self.typed = typed

    def is_facts(self, value: Mapping[str, Any]) -> bool:
        """Tell whether a line is no row but what the page says of itself."""
        return "id" not in value and bool(FACTS.intersection(value))

    def facts(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a page says of itself, by the contract's names."""
        return value

    def row(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row by the contract's names."""
        return value

    def rows(self, document: Mapping[str, Any]) -> object:
        """Return a whole document's list of routes, whatever stands there."""
        return document.get(self.list_name)

    def mapped(self, rows: Sequence[object]) -> Sequence[object]:
        """Return rows by the contract's names; what is no object stays as it is."""
        return rows if self.typed else [self.row(row) if isinstance(row, Mapping) else row for row in rows]


PLAIN = FeedShape()


class Page(Protocol):
    """Reads one page, piece by piece; each method raises FeedError where the page is no feed's."""

    def feed(self, data: bytes) -> list[Batch]:
        """Take bytes as they come, and return the rows that are whole."""
        ...

    def end(self) -> tuple[list[Batch], PageFacts | None]:
        """Return the last rows and the page's facts; None where it told none, so that a cut could not be noticed."""
        ...


def decoded_object(data: bytes, place: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises:
        FeedError: it is none.
    """
    value = decoded(data, place)
    if not isinstance(value, dict):
        raise FeedError(f"{place} is not a JSON object")
    return value


def decoded(data: bytes, place: str) -> object:
    """Return JSON of any kind.

    Raises:
        FeedError: it is no JSON.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise FeedError(f"{place} is nested too deep") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise FeedError(f"{place} is not JSON: {error}") from None


def page_facts(told: Mapping[str, Any], place: str) -> PageFacts:
    """Return what a page said of itself.

    Raises:
        FeedError: a fact is of the wrong kind.
    """
    try:
        return msgspec.convert({name: told[name] for name in FACTS if told.get(name) is not None}, PageFacts)
    except msgspec.ValidationError as error:
        raise FeedError(f"{place}: {error}") from None
