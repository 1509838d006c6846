"""A row of the CRM's routes feed, checked and normalised, as routes.db takes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One route of the feed.

    Attributes:
        id: the feed's own; of two rows with one id the later counts.
        did: "" for any, a number by its key (core.numbers.Number.key), or a pattern with its `_`.
        caller: the same, or `withheld`.
        stage: "" for any.
        when: GotoIfTime windows; none: always.
        timezone: where their clock hangs; "": the router's.
        priority: higher wins.
        valid_from: aware; None: since ever.
        valid_until: aware, excluded; None: for ever.
        result: the route as the feed spells it; it passes the gate when it is used.
        order: decides between rows that are as specific, the smaller first; then the id does.
    """

    id: str
    did: str = ""
    caller: str = ""
    stage: str = ""
    when: tuple[str, ...] = ()
    timezone: str = ""
    priority: int = 0
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    result: Mapping[str, str] = field(default_factory=dict)
    order: int = 0


@dataclass(frozen=True, slots=True)
class WriteSummary:
    """What routes.db holds now.

    Attributes:
        count: all routes.
        patterns: those of them that are tried one by one, as no number leads to them.
        shapes: the combinations of shapes of did and caller that a look-up goes through.
    """

    count: int
    patterns: int
    shapes: int
