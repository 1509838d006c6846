"""What a duty of the background process is given, and what is asked of it."""

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.store.journal import JournalWriter

Answer = Callable[[Message], Awaitable[Message]]
"""Answers one command that the parent passes on."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What every duty may use.

    Attributes:
        loaded: the configuration with the folder that its paths are relative to.
        token: the CRM's, "" without one.
        journal_path: journal.db.
        journal: records incidents; started before, and closed after, every duty.
        say: tells the parent something; {"say": …}.
        writing: one thread for small writes that may stall.
    """

    loaded: Loaded
    token: str
    journal_path: Path
    journal: JournalWriter
    clock: Clock
    say: Callable[[Message], None]
    writing: ThreadPoolExecutor

    @property
    def settings(self) -> Settings:
        """The configuration's values."""
        return self.loaded.settings


class Duty(Protocol):
    """Something that goes on in the background from start to close; its failures are its own to log and outlive."""

    async def start(self) -> None:
        """Begin; returns at once."""
        ...

    async def close(self) -> None:
        """End, within a second."""
        ...

    def commands(self) -> Mapping[str, Answer]:
        """Return what it answers, by the name of the command."""
        ...

    def facts(self) -> Message:
        """Return what is worth knowing of it now; goes up with each heartbeat. Cheap: it is asked twice a second.

        What only ever grows stands in `tally`, and is added up over all processes that there have been.
        """
        ...
