"""A page of a routes feed that is one JSON document, read as its bytes come.

How it is cut up: a cut between two rows looks like `},{`. What lies before a cut is read as a list; where that is valid
JSON the cut is one between rows, as JSON is read from left to right in one way only. So msgspec reads whole batches,
and no byte is looked at in Python but where the list begins and ends.
"""

import json
import re
from typing import Any

import msgspec

from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import (
    MAX_FACTS_BYTES,
    MAX_ROW_BYTES,
    PLAIN,
    Batch,
    FeedShape,
    PageFacts,
    decoded,
    decoded_object,
    page_facts,
)
from fallbackrouter.jobs.feed_rows import FeedRow

BATCH_BYTES = 262_144
"""How much is gathered before it is read; a usual batch holds some thousand rows."""
_MAX_TRIES = 16
_CUT = re.compile(rb"\}\s*,\s*\{")
_BLANK = re.compile(r"[ \t\r\n]*")
_usual = msgspec.json.Decoder(list[FeedRow])
_scan = json.JSONDecoder().raw_decode


class Document:
    """Reads a document."""

    def __init__(self, place: str, shape: FeedShape = PLAIN) -> None:
        self._shape = shape
        self._place = place
        self._buffer = b""
        self._head: dict[str, Any] = {}
        self._state = "head"
        self._try_at = 0

    def feed(self, data: bytes) -> list[Batch]:
        """Take bytes as they come, and return the rows that are whole.

        Raises:
            FeedError: it is no JSON, or not of the shape that a feed has.
        """
        self._buffer += data
        if self._state == "head" and len(self._buffer) >= self._try_at:
            self._read_head()
        if self._state == "rows" and len(self._buffer) >= BATCH_BYTES:
            return self._read_rows()
        if self._state != "rows" and len(self._buffer) > MAX_FACTS_BYTES:
            raise FeedError(f"{self._place} says more than {MAX_FACTS_BYTES} bytes beside its routes")
        return []

    def _read_head(self) -> None:
        """Find where the rows begin; what is told before them is kept."""
        text = _text(self._buffer)
        try:
            begins = _find_rows(text, self._shape.list_name, self._head, self._place)
        except RecursionError:
            raise FeedError(f"{self._place} is nested too deep") from None
        if begins is None:  # it may be cut in a value; not looked at again for every piece
            self._try_at = 2 * len(self._buffer)
            return
        self._buffer = _bytes(text[begins:])
        self._state = "rows"

    def _read_rows(self) -> list[Batch]:
        window = max(0, len(self._buffer) - MAX_ROW_BYTES)
        cuts = list(_CUT.finditer(self._buffer, window))
        for cut in cuts[: -_MAX_TRIES - 1 : -1]:
            batch = self._list_before(cut.start() + 1)
            if batch is not None:
                self._buffer = self._buffer[cut.end() - 1 :]
                return [batch]
        return self._read_singly()

    def _list_before(self, end: int) -> Batch | None:
        """Return the rows before a cut, None where it is no cut between rows."""
        data = b"[" + self._buffer[:end] + b"]"
        if not self._shape.typed:
            return self._odd(data)
        try:
            return Batch(usual=_usual.decode(data))
        except (msgspec.DecodeError, RecursionError):
            return self._odd(data)

    def _odd(self, data: bytes) -> Batch | None:
        try:
            value = decoded(data, self._place)
        except FeedError:
            return None
        return Batch(odd=self._shape.mapped(value)) if isinstance(value, list) else None

    def _read_singly(self) -> list[Batch]:
        """Read row by row, up to one that is cut or to the end of the list."""
        text = _text(self._buffer)
        at, rows = _skip(text, 0), []
        while at < len(text) and self._state == "rows":
            if text[at] == "]":
                self._state, at = "tail", at + 1
                break
            found = self._row(text, at)
            if found is None:
                break
            value, after = found
            rows.append(value)
            at = _skip(text, after + 1) if text[after] == "," else after
        self._buffer = _bytes(text[at:])
        return [Batch(odd=self._shape.mapped(rows))] if rows else []

    def _row(self, text: str, at: int) -> tuple[object, int] | None:
        """Return a row and where the comma or bracket behind it stands, None where it is cut."""
        try:
            value, end = _scan(text, at)
        except RecursionError:
            raise FeedError(f"{self._place} is nested too deep") from None
        except ValueError as error:
            if len(text) - at > MAX_ROW_BYTES:
                raise FeedError(
                    f"{self._place} is not JSON, or has a row longer than {MAX_ROW_BYTES} bytes: {error}"
                ) from None
            return None
        after = _skip(text, end)
        if after < len(text) and text[after] not in ",]":
            raise FeedError(f"{self._place} is not JSON: a comma is missing after a row")
        return (value, after) if after < len(text) else None

    def end(self) -> tuple[list[Batch], PageFacts | None]:
        """Return the last rows, and what the page said of itself.

        Raises:
            FeedError: the page is cut, or not of the shape that a feed has.
        """
        if self._state == "head":
            self._read_head()
        batches: list[Batch] = []
        while self._state == "rows":
            left = len(self._buffer)
            batches += self._read_rows()
            if self._state == "rows" and len(self._buffer) == left:
                raise FeedError(f"{self._place} is cut, or not JSON: its list of routes does not end")
        if self._state == "head":
            decoded_object(self._buffer, self._place)
            raise _no_list(self._place, self._shape.list_name)
        told = decoded_object(b"{" + self._buffer.strip().removeprefix(b","), self._place)
        return batches, page_facts(self._shape.facts({**self._head, **told}), self._place)


def _find_rows(text: str, list_name: str, members: dict[str, Any], place: str) -> int | None:
    """Return where the list of routes begins, None where more has to come; members before it are put into a mapping."""
    at = _skip(text, 0)
    if at < len(text) and text[at] != "{":
        raise FeedError(f"{place} is not a JSON object")
    while (at := _skip(text, at + 1)) < len(text):
        if text[at] == "}":
            raise _no_list(place, list_name)
        try:
            name, at = _scan(text, at)
            at = _after(text, at, ":", place)
            if name == list_name and at < len(text):
                return _inside_list(text, at, list_name, place)
            members[name], at = _scan(text, at)
        except ValueError:
            return None
        at = _skip(text, at)
        if at < len(text) and text[at] not in ",}":
            raise FeedError(f"{place} is not JSON: a comma is missing after {name}")
        if text[at : at + 1] == "}":
            raise _no_list(place, list_name)
    return None


def _after(text: str, at: int, sign: str, place: str) -> int:
    at = _skip(text, at)
    if at < len(text) and text[at] != sign:
        raise FeedError(f"{place} is not JSON: {sign} is missing")
    return _skip(text, at + 1)


def _inside_list(text: str, at: int, list_name: str, place: str) -> int:
    if text[at] != "[":
        raise _no_list(place, list_name)
    return at + 1


def _no_list(place: str, list_name: str) -> FeedError:
    return FeedError(f'{place} has no list "{list_name}"')


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
