"""A row of the CRM's routes feed, checked and normalised, as routes.db takes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class RouteRow(NamedTuple):
    """One route of the feed; a plain tuple, as a feed may hold a million of them.

    Attributes:
        id: the feed's own; of two rows with one id the later counts. Between routes that are as specific as each
            other the smaller id wins.
        result: the route as JSON text of its fields; it passes the gate when it is used.
        did: "" for any, a number by its key (core.numbers.Number.key), or a pattern with its `_`.
        caller: the same, or `withheld`.
        stage: "" for any.
        windows: GotoIfTime windows, a list of texts as JSON; "": always.
        timezone: where their clock hangs; "": the router's.
        priority: higher wins.
        valid_from: aware; None: since ever.
        valid_until: aware, excluded; None: for ever.
    """

    id: str
    result: str
    did: str = ""
    caller: str = ""
    stage: str = ""
    windows: str = ""
    timezone: str = ""
    priority: int = 0
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a draft holds, against the generation before it; routes are told apart by id.

    Attributes:
        former: how many routes the former generation holds; 0 where there is none that can be read.
        count: how many the new one holds.
        patterns: those of them that are tried one by one, as no number leads to them.
        shapes: the combinations of shapes of did and caller that a look-up goes through.
    """

    former: int
    count: int
    added: int
    changed: int
    removed: int
    unchanged: int
    patterns: int
    shapes: int
