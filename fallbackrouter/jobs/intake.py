"""Rows on their way from a feed into a draft: checked, counted, and in the end let through or refused as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fallbackrouter.core.errors import FeedError
from fallbackrouter.jobs.feed import PLAIN, Batch, FeedShape, Page, decoded_object
from fallbackrouter.jobs.feed_document import Document
from fallbackrouter.jobs.feed_lines import Lines
from fallbackrouter.jobs.feed_map import WholeDocument
from fallbackrouter.jobs.feed_rows import Reject, RowReader
from fallbackrouter.store.route_draft import RouteDraft
from fallbackrouter.store.route_row import Changes

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
        raise FeedError(
            f"{source} holds no route that may serve{aside}, where {changes.former} serve now; nothing was changed; "
            "to drop all, use --force"
        )
    # One bad row in a delta of three is no reason to hear of no change again: it counts beside all routes.
    among = intake.rows if full else max(intake.rows, changes.former)
    if intake.set_aside > among * limits.max_rejects:
        beside = f" beside {changes.former} routes" if among > intake.rows else ""
        raise FeedError(
            f"{intake.set_aside} of {intake.rows} rows of {source}{beside} may not serve, more than "
            f"sync.max_rejects allows ({limits.max_rejects:.0%}); nothing was changed; `fallbackrouter sync --rejects` "
            "names them; if that is meant, use --force"
        )
    if full and changes.removed > changes.former * limits.max_shrink:
        raise FeedError(
            f"{source} would drop {changes.removed} of {changes.former} routes{aside}, more than sync.max_shrink "
            f"allows ({limits.max_shrink:.0%}); nothing was changed; if that is meant, use --force"
        )


def page_of(first: bytes, place: str, shape: FeedShape = PLAIN) -> Page:
    """Return what reads a page that begins so: one JSON object a line, or one document."""
    if not shape.list_name:
        return WholeDocument(place, shape)
    line = first.lstrip().split(b"\n", 1)[0]
    try:
        value = decoded_object(line, place)
    except FeedError:
        return Document(place, shape)
    if shape.list_name in value:
        return Document(place, shape)
    is_line = shape.is_facts(value) or shape.row(value).get("id") is not None
    return Lines(place, shape) if is_line else Document(place, shape)
