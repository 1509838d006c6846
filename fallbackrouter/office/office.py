"""The values that everything here works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.policy import Policies
from fallbackrouter.core.route import Gate, Route
from fallbackrouter.rulesfile.check import Checked


@dataclass(frozen=True, slots=True)
class Remembering:
    """How answers are remembered: `[remembered]`."""

    max_entries: int
    ttl_s: float
    max_stale_s: float
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Office:
    """The house, as those see it who look into it and change it.

    Attributes:
        zone: in which moments without an offset are meant.
        zone_name: its name, "" for the machine's.
        check: checks a folder of rule files as if it were `rules.dir`; never raises.
        listen: `agi.listen`, for where the service cannot be asked.
        has_crm: there is a CRM to ask.
    """

    data_dir: Path
    rules_dir: Path
    read_number: ReadNumber
    zone: tzinfo
    zone_name: str
    gate: Gate
    policies: Policies
    last_resort: Route
    remembering: Remembering
    check: Callable[[Path], Checked]
    listen: tuple[str, ...]
    has_crm: bool
    stale_after_s: float

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.data_dir / "journal.db"

    @property
    def routes(self) -> Path:
        """The routes cache's file."""
        return self.data_dir / "routes.db"
