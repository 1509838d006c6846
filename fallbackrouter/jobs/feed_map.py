"""Feeds of other CRMs: where the routes lie in a page, and what their fields are called, by JMESPath.

Rules: expressions come from the configuration and are compiled when it is read; what they find in a row is checked like
a row of our own; an expression that fails on a row sets that row aside, and nothing else.

Source: docs/crm-contract.md, "Other CRMs"; https://jmespath.org/specification.html
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from fallbackrouter.core.errors import FeedError
from fallbackrouter.core.route import printable
from fallbackrouter.jobs.feed import FACTS, MAX_WHOLE_BYTES, Batch, FeedShape, PageFacts, decoded_object, page_facts

LIST = "routes"
ROW = ("id", "did", "caller", "stage", "when", "timezone", "priority", "valid_from", "valid_until", "result")
NAMES = (LIST, *sorted(FACTS), *ROW)
"""What may be mapped."""

_MAX_DEPTH_CHARS = 2000
Search = partial[Any]


class MapError(ValueError):
    """An expression cannot be used; the text says which and why.

    Attributes:
        name: what it was for.
    """

    def __init__(self, name: str, what: str) -> None:
        self.name = name
        super().__init__(what)


def compiled(name: str, expression: str) -> Any:
    """Return a compiled expression.

    Raises:
        MapError: it is none.
    """
    if len(expression) > _MAX_DEPTH_CHARS:
        raise MapError(name, f"is longer than {_MAX_DEPTH_CHARS} characters")
    try:
        return jmespath.compile(expression)
    except (JMESPathError, ValueError, RecursionError) as error:
        raise MapError(name, f"is no JMESPath: {printable(str(error).splitlines()[0], 100)}") from None


def shape_of(mapping: Mapping[str, str]) -> FeedShape:
    """Return how a feed is read.

    Args:
        mapping: name -> expression, as `[sync.map]` has it; names that it leaves out are called as the contract does.

    Raises:
        MapError: a name is unknown, or an expression is none.
    """
    if not mapping:
        return FeedShape()
    unknown = next((name for name in mapping if name not in NAMES), None)
    if unknown is not None:
        raise MapError(unknown, f"is nothing that can be mapped; there are {', '.join(NAMES)}")
    return _Mapped({name: compiled(name, expression) for name, expression in mapping.items()}, mapping.get(LIST, LIST))


class _Mapped(FeedShape):
    """A feed with other names."""

    def __init__(self, expressions: Mapping[str, Any], where: str) -> None:
        plain = where.strip().strip('"')
        super().__init__(list_name=plain if plain.replace("_", "").isalnum() else "", typed=False)
        self._list = expressions.get(LIST)
        self._row = {name: expressions[name] for name in ROW if name in expressions}
        self._facts = {name: expressions[name] for name in FACTS if name in expressions}

    def is_facts(self, value: Mapping[str, Any]) -> bool:
        told = self.facts(value)
        return self.row(value).get("id") is None and any(fact is not None for fact in told.values())

    def facts(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found = {name: expression.search(value) for name, expression in self._facts.items()}
        except (JMESPathError, TypeError, ValueError) as error:
            raise FeedError(f"[sync.map] fails on the feed: {printable(str(error), 100)}") from None
        return {**{name: value.get(name) for name in FACTS}, **found}

    def row(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        row = {name: value[name] for name in ROW if name in value and name not in self._row}
        for name, expression in self._row.items():
            try:
                row[name] = expression.search(value)
            except (JMESPathError, TypeError, ValueError) as error:
                return {"id": row.get("id"), f"sync.map.{name} fails: {printable(str(error), 60)}": None}
        return row

    def rows(self, document: Mapping[str, Any]) -> object:
        return self._list.search(document) if self._list is not None else document.get(LIST)


class WholeDocument:
    """A page whose list of routes lies deeper, so that it is read whole; bounded."""

    def __init__(self, place: str, shape: FeedShape) -> None:
        self._place = place
        self._shape = shape
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Batch]:
        """Gather bytes.

        Raises:
            FeedError: there are too many.
        """
        self._buffer += data
        if len(self._buffer) > MAX_WHOLE_BYTES:
            raise FeedError(
                f"{self._place} is larger than {MAX_WHOLE_BYTES // 1_000_000} MB, and has to be read whole, as "
                "sync.map.routes is more than a name; have the CRM send smaller pages"
            )
        return []

    def end(self) -> tuple[list[Batch], PageFacts | None]:
        """Return the rows and the facts.

        Raises:
            FeedError: it is no JSON object, or the list is not there.
        """
        document = decoded_object(bytes(self._buffer), self._place)
        try:
            rows = self._shape.rows(document)
        except (JMESPathError, TypeError, ValueError):
            rows = None
        if not isinstance(rows, list):
            raise FeedError(f"{self._place} has no list where sync.map.routes points")
        return [Batch(odd=self._shape.mapped(rows))], page_facts(self._shape.facts(document), self._place)
