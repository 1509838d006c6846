"""A routes feed that lies in a file; read as one page of the CRM's is, and it has to hold all routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.errors import FeedError

MAX_FILE_BYTES = 4_000_000_000
PIECE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class FilePage:
    """The file; see jobs.sync_pages.Fetched."""

    path: Path
    unchanged: bool = False
    etag: str = ""
    lines: bool = False
    may_lack_end: bool = True

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what it holds.

        Raises:
            FeedError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise _unreadable(self.path, error) from None


class FileFeed:
    """A file as a feed.

    Attributes:
        size_bytes: how large it is.

    Raises:
        FeedError: it cannot be read, or is too large.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.size_bytes = path.stat().st_size
        except OSError as error:
            raise _unreadable(path, error) from None
        if self.size_bytes > MAX_FILE_BYTES:
            raise FeedError(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB; split the feed")

    def first(self, cursor: str) -> str:
        """Return its name; it knows no cursors."""
        del cursor
        return str(self._path)

    def following(self, url: str, told: str) -> str:
        """Refuse a further page.

        Raises:
            FeedError: always.
        """
        raise FeedError(f"{url} is one page of several ({told[:80]} follows); a file has to hold the whole feed")

    @asynccontextmanager
    async def page(self, url: str, etag: str = "") -> AsyncIterator[FilePage]:
        """Open it."""
        del url, etag
        yield FilePage(self._path)


def _unreadable(path: Path, error: OSError) -> FeedError:
    return FeedError(f"{path} cannot be read: {(error.strerror or 'no such file').lower()}")
