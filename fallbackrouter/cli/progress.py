"""Long work on a terminal: how far it is, how fast, and what is left; plain lines now and then elsewhere."""

import sys
from typing import Self

from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from fallbackrouter.clock import SystemClock

LINE_S = 10.0
"""How often a line is printed where there is no terminal."""
_STEP_S = 0.1


class Progress:
    """Told of items and bytes; shows them on stderr.

    Args:
        what: the items' name, in the plural.
        all_bytes: how many there are to come, None where nobody knows.
    """

    def __init__(self, what: str, *, all_bytes: int | None = None) -> None:
        self._what = what
        self._all_bytes = all_bytes
        self._clock = SystemClock()
        self._begun_s = self._clock.now_s()
        self._shown_s = self._begun_s
        self._bars: Bars | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._bars = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[said]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bars.add_task(self._what, total=None, said="")
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def at(self, items: int, done_bytes: int) -> None:
        """Show how far the work is."""
        now_s = self._clock.now_s()
        if now_s - self._shown_s < (_STEP_S if self._bars is not None else LINE_S):
            return
        self._shown_s = now_s
        said = f"{items:,} {self._what}, {items / (now_s - self._begun_s):,.0f} a second"
        if self._bars is not None:
            self._bars.update(self._task, completed=done_bytes, total=self._all_bytes, said=said)
        else:
            sys.stderr.write(f"{said}{_left(done_bytes, self._all_bytes)}\n")
            sys.stderr.flush()


def _left(done_bytes: int, all_bytes: int | None) -> str:
    return f", {done_bytes / all_bytes:.0%}" if all_bytes else f", {done_bytes / 1_000_000:.0f} MB"
