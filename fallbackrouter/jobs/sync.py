"""Takes a routes feed over: checked whole, then visible all at once; the former routes serve until then."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import FACTS, Batch, Page, PageFacts, decoded_object
from fallbackrouter.jobs.feed_document import Document
from fallbackrouter.jobs.feed_lines import Lines
from fallbackrouter.jobs.feed_rows import Reject, RowReader
from fallbackrouter.store.route_draft import RouteDraft
from fallbackrouter.store.route_row import Changes

MAX_FILE_BYTES = 4_000_000_000
PIECE_BYTES = 1_048_576
MAX_KEPT_REJECTS = 10_000
"""The most rows set aside that are kept with their reasons; all are counted."""

OnProgress = Callable[[int, int], None]
"""Told of rows taken and bytes read so far."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a feed may do without `--force`.

    Attributes:
        max_shrink: the share of the present routes that a full feed may drop.
        max_rejects: the share of a feed's rows that may be set aside.
        force: whatever it drops is meant.
    """

    max_shrink: float
    max_rejects: float = 0.05
    force: bool = False


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did.

    Attributes:
        set_aside: how many rows may not serve; `rejects` names the first of them.
    """

    changes: Changes
    set_aside: int
    rejects: tuple[Reject, ...]


@dataclass(slots=True)
class Intake:
    """Rows on their way from a feed into a draft, and what is counted meanwhile."""

    draft: RouteDraft
    reader: RowReader
    rows: int = 0
    set_aside: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Take a batch; rows that may not serve are set aside.

        Raises:
            FeedError: the draft has no room for such rows.
            StoreError: the disk is in the way.
        """
        read = self.reader.read_usual(batch.usual, self.rows) if batch.usual else []
        read += [self.reader.read(raw, self.rows + number) for number, raw in enumerate(batch.odd)]
        self.rows += len(read)
        good = [row for row in read if not isinstance(row, Reject)]
        self.draft.put(good)
        if len(good) < len(read):
            self._set_aside([row for row in read if isinstance(row, Reject)])

    def _set_aside(self, rejects: list[Reject]) -> None:
        self.set_aside += len(rejects)
        self.rejects += rejects[: MAX_KEPT_REJECTS - len(self.rejects)]


def refuse_where_doubtful(source: str, changes: Changes, intake: Intake, limits: Limits, *, full: bool) -> None:
    """Let a feed pass, or say why it may not serve.

    Raises:
        FeedError: it is empty, drops too many routes, or has too many rows that may not serve.
    """
    if limits.force:
        return
    aside = f" ({intake.set_aside} rows set aside)" if intake.set_aside else ""
    if full and changes.count == 0:
        raise FeedError(f"{source} holds no route that may serve{aside}; nothing was changed; to drop all, use --force")
    if intake.set_aside > intake.rows * limits.max_rejects:
        raise FeedError(
            f"{intake.set_aside} of {intake.rows} rows of {source} may not serve, more than sync.max_rejects allows "
            f"({limits.max_rejects:.0%}); nothing was changed; `fallbackrouter sync --rejects` names them; if that is "
            "meant, use --force"
        )
    if full and changes.removed > changes.former * limits.max_shrink:
        raise FeedError(
            f"{source} would drop {changes.removed} of {changes.former} routes{aside}, more than sync.max_shrink "
            f"allows ({limits.max_shrink:.0%}); nothing was changed; if that is meant, use --force"
        )


def sync_file(
    source: Path,
    routes: Path,
    *,
    reader: RowReader,
    limits: Limits,
    dry_run: bool,
    clock: Clock,
    on_progress: OnProgress | None = None,
) -> Synced:
    """Make `routes` hold what the feed file says, or refuse and leave it as it is.

    Args:
        dry_run: check, and change nothing.

    Raises:
        FeedError: the feed was refused; the text says why, and what to do.
        StoreError: the routes cannot be written.
    """
    draft = RouteDraft(routes, delta=False)
    try:
        intake = Intake(draft, reader)
        _read_whole(source, intake, on_progress)
        changes = draft.lay()
        refuse_where_doubtful(str(source), changes, intake, limits, full=True)
        if not dry_run:
            draft.publish(changes, synced_at=clock.now_at(), facts={})
    finally:
        draft.discard()
    return Synced(changes, intake.set_aside, tuple(intake.rejects))


def _read_whole(source: Path, intake: Intake, on_progress: OnProgress | None) -> None:
    read = 0
    pieces = _pieces(source)
    first = next(pieces, b"")
    if not first.strip():
        return
    page = page_of(first, str(source))
    for piece in chain([first], pieces):
        read += _feed(page, piece, intake)
        if on_progress:
            on_progress(intake.rows, read)
    batches, facts = page.end()
    for batch in batches:
        intake.take(batch)
    if facts:
        _refuse_part(source, facts)


def _feed(page: Page, piece: bytes, intake: Intake) -> int:
    for batch in page.feed(piece):
        intake.take(batch)
    return len(piece)


def page_of(first: bytes, place: str) -> Page:
    """Return what reads a page that begins so: one JSON object a line, or one document."""
    line = first.lstrip().split(b"\n", 1)[0]
    try:
        value = decoded_object(line, place)
    except FeedError:
        return Document(place)
    return Lines(place) if "routes" not in value and ("id" in value or FACTS.intersection(value)) else Document(place)


def _pieces(source: Path) -> Iterator[bytes]:
    try:
        if source.stat().st_size > MAX_FILE_BYTES:
            raise FeedError(f"{source} is larger than {MAX_FILE_BYTES // 1_000_000} MB; split the feed")
        with source.open("rb") as file:
            yield from iter(lambda: file.read(PIECE_BYTES), b"")
    except OSError as error:
        raise FeedError(f"{source} cannot be read: {(error.strerror or 'no such file').lower()}") from None


def _refuse_part(source: Path, facts: PageFacts) -> None:
    if facts.full is False or facts.deleted:
        raise FeedError(f"{source} is a delta; a file has to hold the whole feed")
    if facts.next:
        raise FeedError(f"{source} is one page of several; a file has to hold the whole feed")
