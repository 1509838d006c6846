"""The files that rules were read from, kept beside the compiled set so that it can be gone back to."""

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from fallbackrouter.rulesfile.files import MAX_FILES, MAX_LIST_BYTES

PINS = "pins.yaml"
"""The file of pins, which change at once and by themselves: no part of what tells whether an admin edited."""

MAX_KEPT_BYTES = 40_000_000
_MAX_LOOKED_AT = 10 * MAX_FILES

Sources = Mapping[str, bytes]
"""Path within the rules directory -> content."""

_Files = dict[str, bytes]


def files_in(directory: Path) -> Iterator[Path]:
    """Yield the files of a directory and of those below it, hidden ones left out, at most some thousands."""
    seen = 0
    for place, below, names in os.walk(directory):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            if seen > _MAX_LOOKED_AT:
                return
            if not name.startswith("."):
                yield Path(place, name)


def read_sources(directory: Path) -> Sources | None:
    """Return all files of a rules directory; None where they are too large to be kept, or cannot be read."""
    found: _Files = {}
    left = MAX_KEPT_BYTES
    try:
        for file in files_in(directory):
            if not file.is_file():
                continue
            with file.open("rb") as source:
                content = source.read(min(left, MAX_LIST_BYTES) + 1)
            left -= len(content)
            if left < 0 or len(content) > MAX_LIST_BYTES:
                return None
            name = file.relative_to(directory).as_posix()
            name.encode()
            found[name] = content
    except (OSError, UnicodeEncodeError):
        return None
    return found


def sources_digest(sources: Sources) -> str:
    """Return what tells files apart that an admin edits: SHA-256 in hex, pins left out."""
    digest = hashlib.sha256()
    for name in sorted(sources):
        if name != PINS:
            digest.update(f"{name}\0{len(sources[name])}\0".encode() + sources[name])
    return digest.hexdigest()


def pack(sources: Sources) -> bytes:
    """Return files as bytes for the journal."""
    return zlib.compress(msgspec.msgpack.encode(dict(sources)), 6)


def unpack(body: bytes) -> Sources | None:
    """Return files from the journal's bytes, None where they are none."""
    try:
        plain = zlib.decompressobj().decompress(body, 2 * MAX_KEPT_BYTES)
        return msgspec.msgpack.decode(plain, type=_Files)
    except (ValueError, zlib.error, RecursionError):
        return None
