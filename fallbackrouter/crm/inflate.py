"""Takes a compressed body apart as it comes, bounded: a few bytes that would become very many are no feed."""

import zlib
from collections.abc import Iterator

MAX_RATIO = 200
"""Rows of a feed compress to a twentieth, a bomb to a thousandth."""
_FREE_BYTES = 1_048_576
"""So much may come out whatever went in; the beginning of a feed may repeat itself."""
_PIECE_BYTES = 262_144
_GZIP = 16 + zlib.MAX_WBITS


class BombError(ValueError):
    """The body becomes too large."""


class Inflater:
    """Takes one gzip body apart."""

    def __init__(self) -> None:
        self._gzip = zlib.decompressobj(_GZIP)
        self._in_bytes = 0
        self._out_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the bytes become, in pieces of a bounded size.

        Raises:
            BombError: it becomes too large.
            ValueError: it is no gzip, or something follows its end.
        """
        self._in_bytes += len(data)
        while data:
            piece = self._inflate(data)
            data = self._gzip.unconsumed_tail
            if piece:
                self._count(len(piece))
                yield piece
        if self._gzip.unused_data:
            raise ValueError("something follows the end of the compressed answer")

    def _inflate(self, data: bytes) -> bytes:
        try:
            return self._gzip.decompress(data, _PIECE_BYTES)
        except zlib.error:
            raise ValueError("the answer is not gzip, though it says so") from None

    def _count(self, more: int) -> None:
        self._out_bytes += more
        if self._out_bytes > _FREE_BYTES + MAX_RATIO * self._in_bytes:
            raise BombError(f"the answer grows more than {MAX_RATIO} times when it is unpacked")

    @property
    def complete(self) -> bool:
        """The body's own end was seen."""
        return self._gzip.eof
