"""NDJSON: a page of a routes feed with one row a line, and as its last line what it says of itself."""

from collections.abc import Sequence

import msgspec

from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import (
    MAX_FACTS_BYTES,
    MAX_ROW_BYTES,
    PLAIN,
    Batch,
    FeedShape,
    PageFacts,
    decoded_object,
    page_facts,
)
from fallbackrouter.jobs.feed_rows import FeedRow

_usual = msgspec.json.Decoder(list[FeedRow])


class Lines:
    """An NDJSON page."""

    def __init__(self, place: str, shape: FeedShape = PLAIN) -> None:
        self._shape = shape
        self._place = place
        self._buffer = b""
        self._number = 0
        self._facts: PageFacts | None = None

    def feed(self, data: bytes) -> list[Batch]:
        """Take bytes as they come, and return the rows that are whole.

        Raises:
            FeedError: a line is too long or no JSON object.
        """
        whole, newline, rest = (self._buffer + data).rpartition(b"\n")
        self._buffer = rest
        if len(rest) > MAX_FACTS_BYTES:
            raise FeedError(f"{self._place}: line {self._number + 1} is longer than {MAX_FACTS_BYTES} bytes")
        return self._read(whole) if newline and whole else []

    def _read(self, text: bytes) -> list[Batch]:
        lines = [line for line in text.split(b"\n") if line.strip()]
        if not lines:
            return []
        if self._facts is not None:
            raise FeedError(f'{self._place}: rows follow the line that ends the feed ("cursor", "next", "full")')
        number, self._number = self._number, self._number + len(lines)
        if not self._shape.typed or max(map(len, lines)) > MAX_ROW_BYTES:
            return self._one_by_one(lines, number)
        try:
            return [Batch(usual=_usual.decode(b"[" + b",".join(lines) + b"]"))]
        except (msgspec.DecodeError, RecursionError):
            return self._one_by_one(lines, number)

    def _one_by_one(self, lines: Sequence[bytes], number: int) -> list[Batch]:
        rows: list[object] = []
        for count, line in enumerate(lines, number + 1):
            place = f"{self._place}:{count}"
            value = decoded_object(line, place)
            if self._shape.is_facts(value):
                if count < number + len(lines):
                    raise FeedError(f'{place}: rows follow the line that ends the feed ("cursor", "next", "full")')
                self._facts = page_facts(self._shape.facts(value), place)
            elif len(line) > MAX_ROW_BYTES:
                raise FeedError(f"{place}: a row is longer than {MAX_ROW_BYTES} bytes")
            else:
                rows.append(self._shape.row(value))
        return [Batch(odd=rows)] if rows else []

    def end(self) -> tuple[list[Batch], PageFacts | None]:
        """Return the last rows, and the facts; None where no line told them, so that a cut page cannot be told."""
        batches = self._read(self._buffer) if self._buffer.strip() else []
        return batches, self._facts
