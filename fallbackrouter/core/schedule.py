"""GotoIfTime windows: which moments they contain."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A window in GotoIfTime's own syntax."""

    text: str

    def contains(self, local: datetime) -> bool:
        """Tell whether a local moment lies in the window."""
        return bool(local)


def parse_window(text: str) -> Window:
    """Read a window."""
    return Window(text)
