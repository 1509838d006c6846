"""What a call worker knows of prompts, in memory: nothing here touches a disk."""

from collections.abc import Mapping

from fallbackrouter.core.prompt import Naming, Placed, Prompt, place
from fallbackrouter.core.route import Route

MAX_WANTED = 64
"""So many are told of at a time; the next calls name the others again."""


class Shelf:
    """Puts paths in the place of prompts, and notes what calls wanted.

    Attributes:
        counts: answers whose prompts were all there, and answers that lacked one.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._paths: Mapping[str, str] = {}
        self._wanted: dict[str, Prompt] = {}
        self._used: set[str] = set()
        self.counts = {"prompts_ok": 0, "prompts_missing": 0}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._paths)

    def swap(self, paths: Mapping[str, str]) -> None:
        """Take over what lies in the folder now: key -> path without extension."""
        self._paths = paths

    def place(self, route: Route) -> Placed:
        """Put paths in the place of a route's prompts."""
        placed = place(route, self._naming, self._paths)
        if placed.status:
            self.counts[f"prompts_{placed.status}"] += 1
            self._used.update(placed.used)
            for prompt in placed.wanted:
                if len(self._wanted) < MAX_WANTED:
                    self._wanted[prompt.key] = prompt
        return placed

    def take_news(self) -> tuple[list[Prompt], list[str]]:
        """Return what was wanted and not there, and the keys of what was used, since the last time."""
        news = (list(self._wanted.values()), list(self._used))
        self._wanted, self._used = {}, set()
        return news
