"""The books of the prompts and the files that they speak of: what is kept, what leaves, what failed.

Rules: never more bytes than there may be, files of what has left included; a book is saved before anybody is told of
it; what fails leaves what was there. Disks are touched in a thread; the books belong to one event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec.structs import replace

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.prompt import AUDIO, Prompt
from fallbackrouter.core.prompt_farewell import Farewells
from fallbackrouter.core.prompt_room import Held, leavers
from fallbackrouter.crm.audio_client import Known, shown
from fallbackrouter.log import get_log
from fallbackrouter.prompts import files, ledger
from fallbackrouter.prompts.ledger import Entry
from fallbackrouter.prompts.program import PromptError

SAVE_S = 60.0
"""How often uses alone are saved."""
LEAST_AGAIN_S, MOST_AGAIN_S = 30.0, 3_600.0

T = TypeVar("T")
log = get_log("prompts")


class InThread(Protocol):
    """Runs what may stall in the prompts' one thread."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Run it there, and return what it returns."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the store may hold, and when what was fetched is asked for again."""

    max_bytes: int
    recheck_s: float
    max_count: int = ledger.MAX_ENTRIES


class PromptStore:
    """Keeps the books.

    Args:
        folder: `prompts.dir`, absolute.
        on_change: another set of prompts can be played than before.
        in_thread: does what may stall, in one thread of its own.

    Attributes:
        entries: what is known, by key.
        stays: what routes name; it never has to leave for others.
        trouble: why nothing is kept, "" where all is well.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bounds: Bounds,
        on_change: Callable[[], None],
        in_thread: InThread,
        clock: Clock,
    ) -> None:
        self.folder = folder
        self.bounds = bounds
        self.entries: dict[str, Entry] = {}
        self.stays: Collection[str] = ()
        self.trouble = ""
        self._on_change = on_change
        self._in_thread = in_thread
        self._clock = clock
        self._farewells = Farewells()
        self._keeping = asyncio.Lock()
        self._save_due_s = 0.0
        self._unsaved = False

    def now_ms(self) -> int:
        """Return the moment in ms of Unix time."""
        return round(self._clock.now_at().timestamp() * 1000)

    def counts(self, named: Collection[str]) -> dict[str, int]:
        """Return how many can be played, how many of the named ones cannot, and the bytes of all."""
        sizes = {entry.content: entry.size_bytes for entry in self.entries.values() if entry.content}
        ready = {key for key, entry in self.entries.items() if entry.content}
        lacking = sum(key not in ready for key in named)
        return {"ready": len(ready), "named": len(named), "lacking": lacking, "bytes": sum(sizes.values())}

    # --- opening --------------------------------------------------------------------------------------------------

    async def open(self) -> bool:
        """Make the folder and read the book; False where the folder cannot be used, which `trouble` tells."""
        try:
            await self._in_thread(lambda: files.prepare(self.folder))
        except FallbackrouterError as error:
            self.tell_trouble(str(error))
            return False
        self.tell_trouble("")
        entries = await self._in_thread(lambda: ledger.load_entries(self.folder))
        there = await self._there(ledger.contents(entries))
        lost = [key for key, entry in entries.items() if entry.content and entry.content not in there]
        self.entries = {**entries, **{key: _lost(entries[key]) for key in lost}}
        await self._in_thread(lambda: files.remove(self.folder, files.strays(self.folder, there)))
        if lost:
            await self._save()
        self._on_change()
        return True

    async def _there(self, wanted: Iterable[str]) -> set[str]:
        return await self._in_thread(lambda: {one for one in wanted if files.is_there(self.folder, one)})

    async def look_after(self, keys: Iterable[str]) -> None:
        """Note what is gone of that which calls did not find, though the book has it: somebody deleted files."""
        claimed = {key: self.entries[key].content for key in keys if key in self.entries}
        there = await self._there({content for content in claimed.values() if content})
        for key, content in claimed.items():
            if content and content not in there and self.entries[key].content == content:
                self.entries[key] = _lost(self.entries[key])

    # --- one prompt -----------------------------------------------------------------------------------------------

    def touch(self, key: str) -> None:
        """Note that a call wanted it now."""
        entry = self.entries.get(key)
        if entry is not None:
            self.entries[key] = replace(entry, used_ms=self.now_ms())
            self._unsaved = True

    async def keep(self, key: str, entry: Entry, made: files.Made, told: Known) -> None:
        """Keep what was made.

        Args:
            entry: what was known when its making began.

        Raises:
            PromptError: what stays takes all the room.
            StoreError: the disk is in the way.
        """
        now_ms = self.now_ms()
        size_bytes = await self._in_thread(lambda: sum(path.stat().st_size for path in made.files.values()))
        kept = replace(
            self.entries.get(key, entry),
            content=made.content,
            size_bytes=size_bytes,
            seconds=round(made.seconds, 2),
            etag=told.etag,
            modified=told.modified,
            checked_ms=now_ms,
            tried_ms=now_ms,
            reason="",
            failures=0,
            next_ms=0,
        )
        async with self._keeping:
            await self._make_room(key, kept)
            await self._in_thread(lambda: files.keep(self.folder, made))
            self._replace(key, kept)
            await self._save()
        self._on_change()
        log.info("a prompt is at hand", prompt=_told(kept), seconds=kept.seconds)

    def _replace(self, key: str, kept: Entry) -> None:
        former = self.entries.get(key)
        self.entries[key] = kept
        if former is not None:
            self._farewells.say(former.content, former.size_bytes, self.now_ms())

    async def note_same(self, key: str, entry: Entry) -> None:
        """Note that its source has not changed."""
        now_ms = self.now_ms()
        latest = self.entries.get(key, entry)
        self.entries[key] = replace(latest, checked_ms=now_ms, tried_ms=now_ms, reason="", failures=0, next_ms=0)
        await self._save()

    async def note_failed(self, key: str, entry: Entry, reason: str) -> None:
        """Note a failed try; what was there stays."""
        latest, now_ms = self.entries.get(key, entry), self.now_ms()
        again_s = min(MOST_AGAIN_S, LEAST_AGAIN_S * 2 ** min(latest.failures, 10))
        due_ms = now_ms + round(again_s * 1000)
        noted = replace(latest, tried_ms=now_ms, reason=reason, failures=latest.failures + 1, next_ms=due_ms)
        if latest.reason != reason:
            log.warning("a prompt cannot be had", prompt=_told(noted), reason=reason, again_in_s=again_s)
        if key in self.entries or len(self.entries) < self.bounds.max_count or self._forget_one():
            self.entries[key] = noted
        await self._save()

    def _forget_one(self) -> bool:
        """Make room in the book among what has no files and no route names; False where there is no such."""
        bare = [(entry.used_ms, key) for key, entry in self.entries.items() if not entry.content]
        bare = [one for one in bare if one[1] not in self.stays]
        if bare:
            del self.entries[min(bare)[1]]
        return bool(bare)

    # --- room -----------------------------------------------------------------------------------------------------

    async def purge(self, *, everything: bool) -> int:
        """Let go of what no route names, or of everything; returns how many left."""
        async with self._keeping:
            gone = [key for key in self.entries if everything or key not in self.stays]
            self._let_go(gone)
            await self._sweep({}, at_once=True)
            await self._save()
        self._on_change()
        return len(gone)

    async def tidy(self) -> None:
        """Delete what has left long ago, and save what was used."""
        async with self._keeping:
            await self._sweep({})
        if self._unsaved and self._clock.now_s() >= self._save_due_s:
            await self._save()

    async def _make_room(self, key: str, kept: Entry) -> None:
        after = {**self.entries, key: kept}
        held = [Held(one, entry.content, entry.size_bytes, entry.used_ms) for one, entry in after.items()]
        gone = leavers(held, {key, *self.stays}, self.bounds.max_bytes, self.bounds.max_count)
        if gone is None:
            raise PromptError("there is no room: what routes name takes all of prompts.max_mb; raise it")
        self._let_go(gone)
        await self._sweep({kept.content: kept.size_bytes})

    def _let_go(self, keys: Iterable[str]) -> None:
        for key in keys:
            entry = self.entries.pop(key)
            self._farewells.say(entry.content, entry.size_bytes, self.now_ms())

    async def _sweep(self, coming: Mapping[str, int], *, at_once: bool = False) -> None:
        """Delete files of what has left: after a while, or sooner where their room is needed.

        Args:
            coming: content -> bytes of what is about to be kept.
        """
        sizes = {entry.content: entry.size_bytes for entry in self.entries.values() if entry.content} | dict(coming)
        gone = self._farewells.take_due(sizes, self.bounds.max_bytes, self.now_ms(), at_once=at_once)
        if gone:
            await self._in_thread(lambda: files.remove(self.folder, gone))

    # --- the book -------------------------------------------------------------------------------------------------

    async def _save(self) -> None:
        self._unsaved, self._save_due_s = False, self._clock.now_s() + SAVE_S
        entries = list(self.entries.values())
        try:
            await self._in_thread(lambda: ledger.save_entries(self.folder, entries))
        except FallbackrouterError as error:
            self._unsaved = True
            self.tell_trouble(str(error))
        else:
            self.tell_trouble("")

    def tell_trouble(self, trouble: str) -> None:
        """Tell why nothing is kept; "": all is well."""
        if trouble and trouble != self.trouble:
            log.error("prompts cannot be kept", reason=trouble)
        self.trouble = trouble

    async def close(self) -> None:
        """Save what was used."""
        if self._unsaved:
            await self._save()


def _lost(entry: Entry) -> Entry:
    """Return what is known of a prompt whose files are gone."""
    return replace(entry, content="", size_bytes=0, etag="", modified="", next_ms=0)


def _told(entry: Entry) -> str:
    """Return what a prompt is, for a log: a URL without its query, no text."""
    return shown(entry.what) if entry.kind == AUDIO else f"a text in {entry.language}"


def known_of(prompt: Prompt, entry: Entry) -> Known:
    """Return what a server is told that we have of its audio; nothing where the files are gone."""
    return Known(entry.etag, entry.modified) if entry.content and prompt.kind == AUDIO else Known()
