"""Reads a feed page by page into a draft, to its end or not at all.

Source: docs/crm-contract.md, "Routes feed".
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from fallbackrouter.core.errors import FeedError
from fallbackrouter.crm.feed_client import FetchError
from fallbackrouter.jobs.feed import MAX_ROW_BYTES, PLAIN, FeedShape, Page, PageFacts
from fallbackrouter.jobs.feed_document import Document
from fallbackrouter.jobs.feed_lines import Lines
from fallbackrouter.jobs.intake import Intake, OnProgress, page_of

MAX_PAGES = 100_000
MAX_WAIT_S = 60.0
"""A CRM that asks for more patience in the middle of a feed is asked again at the next sync."""
MAX_WAITS = 5


class Fetched(Protocol):
    """One page on its way; see crm.feed_client.FeedPage.

    Attributes:
        unchanged: nothing is new since the ETag that was sent.
        etag: to be sent next time.
        lines: it says that it is NDJSON.
        may_lack_end: NDJSON without a last line of facts is whole all the same.
    """

    @property
    def unchanged(self) -> bool: ...  # noqa: D102 - see above
    @property
    def etag(self) -> str: ...  # noqa: D102 - see above
    @property
    def lines(self) -> bool: ...  # noqa: D102 - see above
    @property
    def may_lack_end(self) -> bool: ...  # noqa: D102 - see above

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield its body."""
        ...


class Feed(Protocol):
    """Where pages come from; see crm.feed_client.FeedClient."""

    def first(self, cursor: str) -> str:
        """Return the URL to begin with."""
        ...

    def following(self, url: str, told: str) -> str:
        """Return the next page's URL."""
        ...

    def page(self, url: str, etag: str = "") -> AbstractAsyncContextManager[Fetched]:
        """Fetch a page."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What the feed said once it was read.

    Attributes:
        unchanged: nothing was sent, as nothing is new (304).
        full: the rows are all that there are.
        cursor: what to ask with next time, "" where nothing was said.
        etag: of the first page.
        deleted: how many ids were said to be gone.
    """

    unchanged: bool
    full: bool
    cursor: str
    etag: str
    deleted: int = 0


class PageReader:
    """Reads one feed.

    Args:
        shape: what the feed's parts are called.
        on_progress: told of rows and bytes so far.
    """

    def __init__(
        self, feed: Feed, intake: Intake, shape: FeedShape = PLAIN, on_progress: OnProgress | None = None
    ) -> None:
        self._shape = shape
        self._feed = feed
        self._intake = intake
        self._on_progress = on_progress
        self._bytes = 0
        self._deleted = 0
        self._cursor = ""
        self._waits = 0

    async def read(self, cursor: str, etag: str) -> Told:
        """Read all pages.

        Args:
            cursor: asks for what has changed since; "": for all.
            etag: what the first page's was last time, "" to have it in any case.

        Raises:
            FeedError: the feed is not whole, or not of the right shape; the text says what is wrong.
            StoreError: the disk is in the way.
        """
        url = self._feed.first(cursor)
        seen: set[str] = set()
        full: bool | None = None
        first_etag = ""
        while True:
            if url in seen:
                raise FeedError(
                    f'the pages of the feed go in a circle: {url} names one that was read already in "next"'
                )
            seen.add(url)
            fetched, facts = await self._page(url, "" if full is not None else etag)
            if facts is None:
                return Told(unchanged=True, full=False, cursor="", etag=fetched)
            if full is None:
                full = _is_full(facts, cursor, url)
                first_etag = fetched
            self._note(facts)
            if not facts.next:
                break
            if len(seen) >= MAX_PAGES:
                raise FeedError(f"the feed has more than {MAX_PAGES} pages; send larger ones")
            url = self._feed.following(url, facts.next)
        self._refuse_standstill(cursor, full=full)
        return Told(unchanged=False, full=full, cursor=self._cursor, etag=first_etag, deleted=self._deleted)

    async def _page(self, url: str, etag: str) -> tuple[str, PageFacts | None]:
        """Return the page's ETag and its facts, None where it is unchanged."""
        while True:
            try:
                async with self._feed.page(url, etag) as page:
                    return page.etag, None if page.unchanged else await self._read(page, url)
            except FetchError as error:
                wait_s = error.retry_after_s
                if wait_s is None or wait_s > MAX_WAIT_S or self._waits >= MAX_WAITS:
                    raise
                self._waits += 1
                await asyncio.sleep(wait_s)

    async def _read(self, page: Fetched, url: str) -> PageFacts:
        reader: Page | None = Lines(url, self._shape) if page.lines else None
        held = b""
        async for piece in page.pieces():
            self._bytes += len(piece)
            if reader is None:
                held += piece
                if b"\n" not in held.lstrip() and len(held) < MAX_ROW_BYTES:
                    continue
                reader, piece = page_of(held, url, self._shape), held  # noqa: PLW2901 - what was held until the kind was known
            self._take(reader, piece)
        if reader is None:
            reader = page_of(held, url, self._shape) if held.strip() else Document(url, self._shape)
            self._take(reader, held)
        batches, facts = reader.end()
        for batch in batches:
            self._intake.take(batch)
        if facts is None and page.may_lack_end:
            return PageFacts()
        if facts is None:
            raise FeedError(f'{url} does not end with the line that says "next", "cursor" and "full": it may be cut')
        return facts

    def _take(self, reader: Page, piece: bytes) -> None:
        for batch in reader.feed(piece):
            self._intake.take(batch)
        if self._on_progress:
            self._on_progress(self._intake.rows, self._bytes)

    def _note(self, facts: PageFacts) -> None:
        self._intake.draft.drop([str(one) for one in facts.deleted])
        self._deleted += len(facts.deleted)
        if facts.cursor is not None:
            self._cursor = str(facts.cursor)

    def _refuse_standstill(self, cursor: str, *, full: bool) -> None:
        if full or not (self._intake.rows or self._deleted):
            return
        if self._cursor in ("", cursor):
            raise FeedError(
                "the feed brings changes, but its cursor does not move: the same would come again and again; "
                'the last page has to say a new "cursor"'
            )


def _is_full(facts: PageFacts, cursor: str, url: str) -> bool:
    """Tell whether a feed holds all routes; one that does not say does where all were asked for."""
    full = facts.full if facts.full is not None else not cursor
    if not full and not cursor:
        raise FeedError(f'{url} was asked for all routes, and says "full": false; it has to send all')
    return full
