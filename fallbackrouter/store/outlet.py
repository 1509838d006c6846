"""What the journal's thread says to the loop: everything in the loop's own time, a batch in one call."""

import asyncio
from collections.abc import Callable
from typing import Any

from fallbackrouter.store.inbox import Load, Waiting
from fallbackrouter.store.remembered import Change, RememberedEntry


class Outlet:
    """The thread's way to the loop; a loop that is closed is no longer told.

    Args:
        on_note: plain words for the log.
        on_refused: a decision or event that can never be written.
        on_remembered: what other workers remembered or forgot; None: nobody wants to know.
        on_ended: the thread has written everything and is gone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_note: Callable[[str], None],
        on_refused: Callable[[Waiting], None],
        on_remembered: Callable[[list[Change]], None] | None,
        on_ended: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._on_note = on_note
        self._on_refused = on_refused
        self._on_remembered = on_remembered
        self._on_ended = on_ended

    def _say(self, callback: Callable[..., None], *values: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *values)
        except RuntimeError:
            return  # the loop is closed: nobody is left to hear it

    def note(self, text: str) -> None:
        """Say something for the log."""
        self._say(self._on_note, text)

    def refuse(self, waiting: Waiting, why: str) -> None:
        """Hand a decision or event back."""
        self.note(why)
        self._say(self._on_refused, waiting)

    def recorded(self, batch: list[Waiting]) -> None:
        """Say that these are committed."""
        self._say(_resolve, [waiting.future for waiting in batch])

    def loaded(self, load: Load, entries: list[RememberedEntry]) -> None:
        """Give the remembered answers that were asked for."""
        self._say(_give, load, entries)

    def remembered(self, changes: list[Change]) -> None:
        """Tell of other workers' changes, where there are any."""
        if changes and self._on_remembered is not None:
            self._say(self._on_remembered, changes)

    def ended(self) -> None:
        """Say that the thread is done."""
        self._say(self._on_ended)


def _resolve(futures: list[asyncio.Future[bool]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(True)


def _give(load: Load, entries: list[RememberedEntry]) -> None:
    if not load.future.done():
        load.future.set_result(entries)
