"""Has at hand what callers are to hear: fetches, speaks, converts, keeps, and asks again. No call waits for it.

Its rules: what a route names, or is always wanted, comes first and stays; what calls wanted follows; a source that
failed is tried later and later, and what was there stays; the folder never holds more than it may, files of what has
left included; everything but this job's own books happens in threads or other processes.
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
from fallbackrouter.core.prompt_room import Held, leavers
from fallbackrouter.crm.audio_client import Known, Sink, shown
from fallbackrouter.log import get_log
from fallbackrouter.prompts import files, ledger
from fallbackrouter.prompts.ledger import Entry, entry_of
from fallbackrouter.prompts.program import PromptError

LOOK_S = 5.0
"""How often it looks for what is due, where nobody wakes it."""
NAMED_S = 10.0
"""How often it looks what routes and rules name."""
SAVE_S = 60.0
"""How often uses alone are saved."""
AT_ONCE = 3
MAX_ASKED = 1_000
"""Prompts that wait because a call wanted them; more are dropped, the next call names them again."""
LEAST_AGAIN_S, MOST_AGAIN_S = 30.0, 3_600.0
FAREWELL_S = 600.0
"""How long the files of what has left lie on, as a call may be about to play them; where there is room."""

T = TypeVar("T")
log = get_log("prompts")


class Fetch(Protocol):
    """Fetches audio; crm.audio_client does."""

    async def fetch(self, url: str, known: Known, sink: Sink) -> Known | None:
        """Fetch it; None where it is as it was."""
        ...


class Speak(Protocol):
    """Speaks; prompts.speech does."""

    async def speak(self, prompt: Prompt, folder: Path) -> Path:
        """Return a wav inside the folder."""
        ...


class Convert(Protocol):
    """Makes what Asterisk plays; prompts.convert does."""

    async def convert(self, source: Path, folder: Path, *, streamed: bool = False) -> files.Made:
        """Make the files of a source."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the store may hold, and when what was fetched is asked for again."""

    max_bytes: int
    recheck_s: float
    max_count: int = ledger.MAX_ENTRIES


class PromptJob:
    """Keeps the store.

    Args:
        folder: `prompts.dir`, absolute.
        named: what routes, rules and the configuration name now; blocking.
        on_change: the store holds something else than before.
        in_thread: does what may stall, in one thread of its own.

    Attributes:
        fetched, spoken, failed: how many so far.
        trouble: why nothing is kept, "" where all is well.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fetcher: Fetch,
        speaker: Speak,
        converter: Convert,
        bounds: Bounds,
        named: Callable[[], Mapping[str, Prompt]],
        on_change: Callable[[], None],
        in_thread: Callable[[Callable[[], T]], Awaitable[T]],
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._speaker = speaker
        self._converter = converter
        self._bounds = bounds
        self._look_named = named
        self._on_change = on_change
        self._in_thread = in_thread
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._named: Mapping[str, Prompt] = {}
        self._asked: dict[str, Prompt] = {}
        self._leaving: dict[str, tuple[int, int]] = {}
        self._doing: dict[str, asyncio.Task[str]] = {}
        self._wake = asyncio.Event()
        self._keeping = asyncio.Lock()
        self._named_due_s = self._save_due_s = 0.0
        self._unsaved = False
        self.fetched = self.spoken = self.failed = 0
        self.trouble = ""

    # --- asked from outside ---------------------------------------------------------------------------------------

    def want(self, prompts: Iterable[Prompt], used: Iterable[str] = ()) -> None:
        """Take note of what calls wanted and did not get, and of what they used."""
        now_ms = self._now_ms()
        for key in used:
            self._touch(key, now_ms)
        for prompt in prompts:
            if prompt.key in self._entries:
                self._touch(prompt.key, now_ms)
            if len(self._asked) < MAX_ASKED:
                self._asked[prompt.key] = prompt
                self._wake.set()

    def begin(self, prompt: Prompt) -> int:
        """Begin to have a prompt, whatever was tried before.

        Returns:
            A moment, in ms of Unix time: the try has ended once the prompt's `tried_ms` is not before it.
        """
        self._begin(prompt)
        return self._now_ms()

    async def purge(self, *, everything: bool) -> int:
        """Let go of what no route names, or of everything; returns how many left."""
        async with self._keeping:
            gone = [key for key in self._entries if everything or key not in self._named]
            self._let_go(gone)
            await self._sweep(at_once=True)
            await self._save()
        self._on_change()
        self._wake.set()
        return len(gone)

    @property
    def counts(self) -> dict[str, int]:
        """How many are there, how many are not, and the bytes of those that are."""
        there = {entry.content: entry.size_bytes for entry in self._entries.values() if entry.content}
        ready = sum(bool(entry.content) for entry in self._entries.values())
        lacking = sum(key not in self._entries or not self._entries[key].content for key in self._named)
        return {"ready": ready, "named": len(self._named), "lacking": lacking, "bytes": sum(there.values())}

    # --- going on -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the store for ever; whatever goes wrong is told, and tried again."""
        while not await self._prepared():
            await self._rest()
        while True:
            try:
                await self._round()
            except FallbackrouterError as error:
                self._tell_trouble(str(error))
            except Exception:
                log.exception("keeping prompts failed in our own code")
            await self._rest()

    async def _rest(self) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_S)
        except TimeoutError:
            return

    async def _prepared(self) -> bool:
        try:
            await self._in_thread(lambda: files.prepare(self._folder))
        except FallbackrouterError as error:
            self._tell_trouble(str(error))
            return False
        self._tell_trouble("")
        await self._load()
        return True

    async def _load(self) -> None:
        entries = await self._in_thread(lambda: ledger.load_entries(self._folder))
        there = await self._in_thread(
            lambda: {content for content in ledger.contents(entries) if files.is_there(self._folder, content)}
        )
        lost = [key for key, entry in entries.items() if entry.content and entry.content not in there]
        for key in lost:  # somebody has deleted its files: it is had anew
            entries[key] = _lost(entries[key])
        self._entries = entries
        strays = await self._in_thread(lambda: files.strays(self._folder, there))
        await self._in_thread(lambda: files.remove(self._folder, strays))
        if lost:
            await self._save()
        self._on_change()

    async def _round(self) -> None:
        now_s = self._clock.now_s()
        if now_s >= self._named_due_s:
            self._named_due_s = now_s + NAMED_S
            self._named = await self._in_thread(self._look_named)
        await self._sweep()
        await self._look_after_asked()
        for prompt in self._due():
            if len(self._doing) >= AT_ONCE:
                break
            self._begin(prompt)
        if self._unsaved and now_s >= self._save_due_s:
            await self._save()

    async def _look_after_asked(self) -> None:
        """Have anew what a call did not find though we had it: somebody has deleted its files."""
        claimed = {key: self._entries[key].content for key in self._asked if key in self._entries}
        there = await self._in_thread(
            lambda: {content for content in claimed.values() if files.is_there(self._folder, content)}
        )
        for key, content in claimed.items():
            if content and content not in there and self._entries[key].content == content:
                self._entries[key] = _lost(self._entries[key])

    def _due(self) -> list[Prompt]:
        """Return what to do next: what is named and not there, what calls wanted, what has to be asked for again."""
        now_ms = self._now_ms()
        asked, self._asked = self._asked, {}
        wanted = {**self._named, **asked}
        lacking = [prompt for key, prompt in wanted.items() if self._lacks(key, now_ms)]
        aged = [entry.prompt for entry in self._entries.values() if self._aged(entry, now_ms)]
        due = [prompt for prompt in (*lacking, *aged) if prompt.key not in self._doing]
        room = AT_ONCE - len(self._doing)
        for prompt in due[max(0, room) :]:
            if prompt.key in asked:
                self._asked[prompt.key] = prompt
        return due

    def _lacks(self, key: str, now_ms: int) -> bool:
        entry = self._entries.get(key)
        return entry is None or (not entry.content and entry.next_ms <= now_ms)

    def _aged(self, entry: Entry, now_ms: int) -> bool:
        """Tell whether fetched audio has to be asked for again: what is named, or was wanted since it was asked for."""
        old = entry.checked_ms + self._bounds.recheck_s * 1000 <= now_ms
        wanted = entry.prompt.key in self._named or entry.used_ms > entry.checked_ms
        return bool(entry.kind == AUDIO and entry.content and old and wanted and entry.next_ms <= now_ms)

    # --- one prompt -----------------------------------------------------------------------------------------------

    def _begin(self, prompt: Prompt) -> "asyncio.Task[str]":
        doing = self._doing.get(prompt.key)
        if doing is None:
            doing = asyncio.create_task(self._have(prompt), name="prompt")
            self._doing[prompt.key] = doing
            doing.add_done_callback(lambda _: self._ended(prompt.key))
        return doing

    def _ended(self, key: str) -> None:
        self._doing.pop(key, None)
        self._wake.set()

    async def _have(self, prompt: Prompt) -> str:
        """Have a prompt; returns why not, "" where it is there."""
        entry = self._entries.get(prompt.key) or replace(entry_of(prompt), used_ms=self._now_ms())
        try:
            await self._make(prompt, entry)
        except (PromptError, FallbackrouterError) as error:
            return await self._note_failed(prompt.key, entry, str(error))
        except OSError as error:
            return await self._note_failed(prompt.key, entry, (error.strerror or str(error)).lower())
        except Exception as error:
            log.exception("a prompt failed in our own code")
            return await self._note_failed(prompt.key, entry, f"failed in our own code ({type(error).__name__})")
        return ""

    async def _make(self, prompt: Prompt, entry: Entry) -> None:
        corner = await self._in_thread(lambda: files.corner(self._folder))
        try:
            place = Path(corner.name)
            if prompt.kind == AUDIO:
                known = Known(entry.etag, entry.modified) if entry.content else Known()
                source = place / "fetched"
                told = await self._fetch(prompt.what, known, source)
                if told is None:
                    await self._note_same(prompt.key, entry)
                    return
                made = await self._converter.convert(source, place)
                self.fetched += 1
            else:
                told = Known()
                made = await self._converter.convert(await self._speaker.speak(prompt, place), place, streamed=True)
                self.spoken += 1
            await self._keep(prompt.key, entry, made, told)
        finally:
            await self._in_thread(corner.cleanup)

    async def _fetch(self, url: str, known: Known, source: Path) -> Known | None:
        with source.open("wb") as file:

            async def write(piece: bytes) -> None:
                await self._in_thread(lambda: file.write(piece))

            return await self._fetcher.fetch(url, known, write)

    async def _keep(self, key: str, entry: Entry, made: files.Made, told: Known) -> None:
        size_bytes = sum(path.stat().st_size for path in made.files.values())
        kept = replace(
            self._entries.get(key, entry),
            content=made.content,
            size_bytes=size_bytes,
            seconds=round(made.seconds, 2),
            etag=told.etag,
            modified=told.modified,
            checked_ms=self._now_ms(),
            tried_ms=self._now_ms(),
            reason="",
            failures=0,
            next_ms=0,
        )
        async with self._keeping:
            await self._make_room(key, kept)
            await self._in_thread(lambda: files.keep(self._folder, made))
            former = self._entries.get(key)
            self._entries[key] = kept
            self._leaving.pop(made.content, None)
            if former is not None and former.content and former.content != made.content:
                self._note_leaving(former)
            await self._save()
        self._on_change()
        log.info("a prompt is at hand", prompt=_told(kept), seconds=kept.seconds)

    async def _make_room(self, key: str, kept: Entry) -> None:
        """Have what is least needed leave.

        Raises:
            PromptError: what stays takes all the room.
        """
        after = {**self._entries, key: kept}
        held = [Held(one, entry.content, entry.size_bytes, entry.used_ms) for one, entry in after.items()]
        stays = {key, *self._named}
        gone = leavers(held, stays, self._bounds.max_bytes, self._bounds.max_count)
        if gone is None:
            raise PromptError("there is no room: what routes name takes all of prompts.max_mb; raise it")
        self._let_go(gone)
        await self._sweep(room_for=kept)

    def _let_go(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._note_leaving(self._entries.pop(key))

    def _note_leaving(self, entry: Entry) -> None:
        if entry.content:
            self._leaving[entry.content] = (self._now_ms(), entry.size_bytes)

    async def _sweep(self, *, room_for: Entry | None = None, at_once: bool = False) -> None:
        """Delete files of what has left: after a while, or sooner where their room is needed."""
        needed = ledger.contents(self._entries) | ({room_for.content} if room_for else set())
        for content in needed & self._leaving.keys():
            del self._leaving[content]
        sizes = {entry.content: entry.size_bytes for entry in self._entries.values() if entry.content}
        if room_for is not None:
            sizes[room_for.content] = room_for.size_bytes
        total = sum(sizes.values()) + sum(size for _, size in self._leaving.values())
        gone: list[str] = []
        for content, (left_ms, size) in sorted(self._leaving.items(), key=lambda one: one[1]):
            if at_once or total > self._bounds.max_bytes or left_ms + FAREWELL_S * 1000 <= self._now_ms():
                gone.append(content)
                total -= size
        if gone:
            for content in gone:
                del self._leaving[content]
            await self._in_thread(lambda: files.remove(self._folder, gone))

    async def _note_same(self, key: str, entry: Entry) -> None:
        latest = self._entries.get(key, entry)
        now_ms = self._now_ms()
        self._entries[key] = replace(latest, checked_ms=now_ms, tried_ms=now_ms, reason="", failures=0, next_ms=0)
        await self._save()

    async def _note_failed(self, key: str, entry: Entry, reason: str) -> str:
        """Note a failed try; what was there stays."""
        self.failed += 1
        latest = self._entries.get(key, entry)
        again_s = min(MOST_AGAIN_S, LEAST_AGAIN_S * 2 ** min(latest.failures, 10))
        now_ms = self._now_ms()
        noted = replace(
            latest,
            tried_ms=now_ms,
            reason=reason,
            failures=latest.failures + 1,
            next_ms=now_ms + round(again_s * 1000),
        )
        if latest.reason != reason:
            log.warning("a prompt cannot be had", prompt=_told(noted), reason=reason, again_in_s=again_s)
        if key in self._entries or len(self._entries) < self._bounds.max_count or self._forget_one():
            self._entries[key] = noted
        await self._save()
        return reason

    def _forget_one(self) -> bool:
        """Make room for one more entry among those that have no files; False where there is none to forget."""
        bare = [(entry.used_ms, key) for key, entry in self._entries.items() if not entry.content]
        bare = [one for one in bare if one[1] not in self._named]
        if bare:
            del self._entries[min(bare)[1]]
        return bool(bare)

    # --- the books ------------------------------------------------------------------------------------------------

    def _touch(self, key: str, now_ms: int) -> None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries[key] = replace(entry, used_ms=now_ms)
            self._unsaved = True

    async def _save(self) -> None:
        self._unsaved, self._save_due_s = False, self._clock.now_s() + SAVE_S
        entries = list(self._entries.values())
        try:
            await self._in_thread(lambda: ledger.save_entries(self._folder, entries))
        except FallbackrouterError as error:
            self._unsaved = True
            self._tell_trouble(str(error))
        else:
            self._tell_trouble("")

    def _tell_trouble(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.error("prompts cannot be kept", reason=trouble)
        self.trouble = trouble

    def _now_ms(self) -> int:
        return round(self._clock.now_at().timestamp() * 1000)

    async def close(self, within_s: float) -> None:
        """End what is under way, and save what was used."""
        doing: Collection[asyncio.Task[str]] = list(self._doing.values())
        for task in doing:
            task.cancel()
        if doing:
            await asyncio.wait(doing, timeout=within_s)
        if self._unsaved:
            await self._save()


def _lost(entry: Entry) -> Entry:
    """Return what is known of a prompt whose files are gone."""
    return replace(entry, content="", size_bytes=0, etag="", modified="", next_ms=0)


def _told(entry: Entry) -> str:
    """Return what a prompt is, for a log: a URL without its query, no text."""
    return shown(entry.what) if entry.kind == AUDIO else f"a text in {entry.language}"
