"""A routes feed as a file: bytes -> the rows that it holds.

Rules: JSON (`{"routes": [...]}`) or NDJSON (one row a line); sizes are bounded; a feed whose shape is wrong is refused
whole.

Source: docs/crm-contract.md, "Routes feed".
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter.core.errors import FeedError

MAX_FILE_BYTES = 1_000_000_000
MAX_LINE_BYTES = 65_536


def read_feed(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the feed's rows as they were written.

    Raises:
        FeedError: the file cannot be read, or is no whole feed.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise FeedError(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB; split the feed")
        with path.open("rb") as file:
            first = next((line for line in iter(file.readline, b"") if line.strip()), b"")
            if not first:
                return
            if _is_row(first):
                yield from _ndjson(path)
                return
        yield from _document(path)
    except OSError as error:
        raise FeedError(f"{path} cannot be read: {(error.strerror or 'no such file').lower()}") from None


def _is_row(line: bytes) -> bool:
    """Tell whether a file that begins so has one JSON object a line."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "routes" not in value


def _ndjson(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
            if len(line) > MAX_LINE_BYTES:
                raise FeedError(f"{path}:{number}: a row is longer than {MAX_LINE_BYTES} bytes")
            if line.strip():
                yield _object(line, f"{path}:{number}")


def _document(path: Path) -> Iterator[Mapping[str, Any]]:
    feed = _object(path.read_bytes(), str(path))
    rows = feed.get("routes")
    if not isinstance(rows, list):
        raise FeedError(f'{path} has no list "routes"')
    if feed.get("full") is False or feed.get("deleted"):
        raise FeedError(f"{path} is a delta; a file has to hold the whole feed")
    if feed.get("next"):
        raise FeedError(f"{path} is one page of several; a file has to hold the whole feed")
    yield from rows


def _object(data: bytes, place: str) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except RecursionError:
        raise FeedError(f"{place} is nested too deep") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise FeedError(f"{place} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise FeedError(f"{place} is not a JSON object")
    return value
